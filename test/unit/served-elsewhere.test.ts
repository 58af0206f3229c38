import { describe, expect, it } from "vitest";
import { memoryNotifier } from "../../src/adapters/memory/notifier.js";
import { memoryStore } from "../../src/adapters/memory/store.js";
import { checkComposition } from "../../src/core/engine/compose/composition.js";
import { createRuntime } from "../../src/core/engine/compose/runtime.js";
import type { Notifier } from "../../src/core/ports/notifier.js";
import { isServedElsewhere, servedElsewhere } from "../../src/core/served-elsewhere.js";
import { kind, WORK, world } from "../support/relay-core.js";

describe("a notifier that another process serves", () => {
  it("is fixed in the record, and neither published to here nor counted as unserved", async () => {
    const w = world();
    const p = w.process({ elsewhere: ["ui"], queue: false });
    const id = await p.submit();
    await w.clock.advance(6_000);
    const { looked, unserved } = await p.pass();
    expect((await w.read(id)).record.notifiers).toEqual(["ui"]);
    expect([looked, unserved, p.core.unserved.count()]).toEqual([1, 0, 0]);
  });

  it("does not hold the record back from the process that serves it", async () => {
    const w = world();
    const ui = memoryNotifier();
    const worker = w.process({ elsewhere: ["ui"], queue: false });
    const relay = w.process({ notifiers: { ui }, queue: false });
    await worker.submit();
    await w.clock.advance(6_000);
    await worker.pass();
    await relay.pass();
    expect(ui.events).toHaveLength(2);
  });

  it("is asked for ever more seldom while nobody serves it", async () => {
    const w = world();
    const worker = w.process({ elsewhere: ["ui"], queue: false });
    await worker.submit();
    let looks = 0;
    for (let seconds = 0; seconds < 600; seconds += 1) {
      await w.clock.advance(1_000);
      looks += (await worker.pass()).looked;
    }
    expect(looks).toBeLessThan(60);
  });

  it("holds what nobody has named as before", async () => {
    const w = world();
    const submitter = w.process({ notifiers: { ui: memoryNotifier() }, mute: true, queue: false });
    await submitter.submit();
    const stranger = w.process({ queue: false });
    await w.clock.advance(6_000);
    expect((await stranger.pass()).unserved).toBe(1);
    await w.clock.advance(5_000);
    expect((await stranger.pass()).looked).toBe(0);
  });

  it("is known by its brand, takes part in a composition, and is not closed", async () => {
    expect([servedElsewhere(), memoryNotifier(), null, {}].map(isServedElsewhere)).toEqual([
      true,
      false,
      false,
      false,
    ]);
    const runtime = createRuntime({
      jobs: [WORK],
      store: memoryStore(),
      notifiers: { ui: servedElsewhere(), hook: memoryNotifier() },
    });
    expect(runtime.core.notifierNames).toEqual(["ui", "hook"]);
    expect([...runtime.core.notifiers.keys()]).toEqual(["hook"]);
    await runtime.close();
  });
});

describe("a composition refuses", () => {
  const check = (given: object) => {
    checkComposition({ jobs: [kind("a")], store: memoryStore(), ...given });
  };
  const ui = (given: object) => ({ notifiers: { ui: { publish: async () => [], ...given } as Notifier } });

  it.each([
    ["an event that does not exist", ui({ on: ["job.complete"] }), /Did you mean job\.completed\?/],
    ["an event that nothing is near to", ui({ on: ["?"] }), /Events are job\.created/],
    ["a notifier without publish", { notifiers: { ui: {} } }, /has no publish/],
    ["a lane that is no function", ui({ lane: "a" }), /lane of the notifier ui/],
    ["a time that is none", ui({ giveUpAfterMs: -1 }), /giveUpAfterMs of the notifier ui/],
    ["a batch that is none", ui({ maxBatch: Number.NaN }), /maxBatch of the notifier ui/],
    ["a name of a notifier", { notifiers: { "u i": memoryNotifier() } }, /name of a notifier/],
    ["an empty name", { notifiers: { "": memoryNotifier() } }, /name of a notifier/],
    ["a name of a queue", { queues: { "a/b": {} } }, /name of a queue/],
  ])("%s", (_, given, sentence) => {
    expect(() => {
      check(given);
    }).toThrow(sentence);
  });

  it("nothing of a good one", () => {
    check(ui({ on: ["job.completed"], lane: () => "a", maxBatch: 5 }));
  });
});
