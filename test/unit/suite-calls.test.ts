import { describe, expect, it } from "vitest";
import { type AnyStore, memoryStore } from "waybill";
import { storeSuite } from "waybill/testing";
import { registerSuite } from "../../src/testing/suite-runner.js";
import { testsOf } from "../seeded-bugs/suite-tests.js";

/** What a test of the store suite says of a store. */
async function failureOf(store: AnyStore, group: string, title: string): Promise<Error | null> {
  const tests = testsOf((runner) => {
    storeSuite(runner, { create: async () => ({ store, close: () => store.close() }) });
  });
  const test = tests.find((one) => one.group === group && one.title === title);
  try {
    await test?.run();
    return null;
  } catch (error) {
    return error as Error;
  }
}

function lying(): AnyStore {
  const store = memoryStore();
  const read = store.read.bind(store);
  return Object.assign(store, {
    read: async (request: Parameters<typeof read>[0]) => ({ ...(await read(request)), jobs: [] }),
  });
}

class Part {
  #count = 0;

  async fail(): Promise<void> {
    throw new TypeError("no such place");
  }

  hang(): Promise<void> {
    return new Promise(() => undefined);
  }

  count(text: string): number {
    this.#count += text.length;
    return this.#count;
  }
}

describe("a failure of a suite", () => {
  it("names the sentence, what came and what should have, and the calls, the last one first", async () => {
    const title = "answers in the order of the ids, null where there is no job";
    const failure = await failureOf(lying(), "read", title);
    const lines = (failure?.message ?? "").split("\n");
    expect(lines[0]).toBe(`A store does not keep "read > ${title}".`);
    expect(failure?.message).toMatch(/\+ actual - expected/);
    const from = lines.indexOf("Calls, the last one first:");
    expect(lines[from + 1]).toMatch(/^store\.read\(\{"nowMs":.*"ids":\[.*\) → \{"nowMs":\d+,"jobs":\[\]\}$/);
    expect(lines[from + 2]).toMatch(/^store\.create\(\{/);
    expect(failure?.stack).toContain(lines[0]);
  });

  it("says of a call that it rejected, or has no answer yet, and leaves long texts out", async () => {
    const part = new Part();
    const [test] = testsOf((runner) => {
      registerSuite<{ part: Part; close(): Promise<void> }, { part: Part }>(runner, {
        name: "part",
        parts: ["part"],
        groups: {
          calls: (register) => {
            register("answer", async (fixture) => {
              fixture.part.count("x".repeat(1_000));
              void fixture.part.hang();
              await fixture.part.fail();
            });
          },
        },
        create: async () => ({ part, close: async () => undefined }),
        probe: (fixture) => fixture,
        skip: [],
        timeoutMs: 1_000,
      });
    });
    await expect(test?.run()).rejects.toThrow(
      new TypeError(
        [
          'A part does not keep "calls > answer".',
          "no such place",
          "Calls, the last one first:",
          "part.fail() ✗ TypeError: no such place",
          "part.hang() → no answer yet",
          `part.count("${"x".repeat(60)}… (1000)") → 1000`,
        ].join("\n"),
      ),
    );
  });
});
