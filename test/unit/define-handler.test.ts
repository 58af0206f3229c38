import { describe, expect, it } from "vitest";
import { z } from "zod";
import { defineJob } from "../../src/core/define/define-job.js";
import { done, outcomeOf, type RunContext, track } from "../../src/core/handler.js";

const input = z.object({ n: z.number() });
const plain = defineJob({ kind: "plain", input, output: z.object({ n: z.number() }) });
const external = defineJob({ kind: "external", input, external: z.string() });

const context = { input: { n: 1 }, track, done } as Partial<RunContext> as RunContext;
const poll = (): { state: "done" } => ({ state: "done" });

describe("handle", () => {
  it("joins a definition and a function, or an object with run", async () => {
    for (const handler of [
      plain.handle((given) => given.input),
      plain.handle({ run: async (given) => given.input }),
    ]) {
      expect(handler.kind).toBe("plain");
      expect(handler.def).toBe(plain);
      const runtime = handler["~handler"];
      expect(runtime).toMatchObject({ poll: null, cancel: null, pollEveryMs: null, timeoutMs: null });
      expect(runtime.definition).toBe(plain["~definition"]);
      await expect(runtime.run(context)).resolves.toEqual({ n: 1 });
    }
  });

  it("gives the engine promises, though a handler may return or throw at once", async () => {
    const handler = plain.handle(() => {
      throw new Error("at once");
    });
    await expect(handler["~handler"].run(context)).rejects.toThrow("at once");
  });

  it("joins what tracks external work", async () => {
    const { "~handler": runtime } = external.handle({
      run: (given) => given.track("ref-1"),
      poll,
      cancel: async () => undefined,
      pollEveryMs: 1_000,
      timeoutMs: 60_000,
    });
    expect(runtime).toMatchObject({ pollEveryMs: 1_000, timeoutMs: 60_000 });
    expect(outcomeOf(await runtime.run(context))).toEqual({ kind: "track", ref: "ref-1" });
    await expect(runtime.poll?.({} as never)).resolves.toEqual({ state: "done" });
    await expect(runtime.cancel?.({} as never)).resolves.toBeUndefined();
  });

  it("takes undefined for what may be left out", () => {
    const handler = external.handle({
      run: (given) => given.done(),
      poll,
      cancel: undefined,
      pollEveryMs: undefined,
      timeoutMs: undefined,
    });
    expect(handler["~handler"]).toMatchObject({ cancel: null, pollEveryMs: null, timeoutMs: null });
  });

  it.each<[string, { handle(implementation: never): unknown }, unknown]>([
    ['The handler of kind "plain" must be a function, or an object with run.', plain, null],
    ['The handler of kind "plain" needs run, a function.', plain, {}],
    ['The handler of kind "plain" has no option "poll". It takes run.', plain, { run: poll, poll }],
    ['The handler of kind "external" must be an object with run and poll.', external, poll],
    ['The handler of kind "external" needs run, a function.', external, { poll }],
    [
      'The handler of kind "external" needs poll, a function: the kind has external work',
      external,
      { run: poll },
    ],
    [
      'The handler of kind "external": cancel must be a function.',
      external,
      { run: poll, poll, cancel: true },
    ],
    [
      'The handler of kind "external": pollEveryMs must be a whole number',
      external,
      { run: poll, poll, pollEveryMs: 0 },
    ],
    [
      'The handler of kind "external": timeoutMs must be a whole number',
      external,
      { run: poll, poll, timeoutMs: "1h" },
    ],
    ['The handler of kind "external" has no option "pollMs"', external, { run: poll, poll, pollMs: 5 }],
  ])("refuses with: %s", (sentence, def, implementation) => {
    expect(() => def.handle(implementation as never)).toThrow(sentence);
  });
});
