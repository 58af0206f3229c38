import { describe, expect, it } from "vitest";
import { createWatchdog, type Watchdog } from "../../../src/core/engine/compose/watchdog.js";
import { memoryNotifier } from "../../../src/adapters/memory/notifier.js";
import { memoryStore } from "../../../src/adapters/memory/store.js";
import { servedElsewhere } from "../../../src/core/served-elsewhere.js";
import {
  mailKind,
  recoverKind,
  submitted,
  type World,
  type WorldOptions,
  world,
} from "../../support/engine.js";

const MINUTE = 60_000;

async function submits(at: World, dog: Watchdog, minutes: number): Promise<void> {
  for (let minute = 0; minute < minutes; minute += 1) {
    dog.submitted(mailKind.kind);
    await at.clock.advance(MINUTE);
  }
}

const warnings = (at: World) => at.log.filter(({ level }) => level === "warn");

describe("watchdog", () => {
  it("warns once when jobs are submitted and nobody reconciles for five minutes", async () => {
    const at = world();
    const dog = createWatchdog(at.core);
    await submits(at, dog, 5);
    expect(warnings(at)).toEqual([]);
    await submits(at, dog, 60);
    expect(warnings(at)).toMatchObject([
      {
        message: expect.stringContaining("no reconciler was seen for 5 minutes"),
        fields: { lastPulseAt: null },
      },
    ]);
  });

  it("is silent while somebody reconciles, and costs a look in five minutes", async () => {
    const at = world();
    const dog = createWatchdog(at.core);
    for (let minute = 0; minute < 30; minute += 1) {
      await at.core.gateway.call("pulse", (store, request) => store.pulse({ ...request, unserved: 0 }));
      await submits(at, dog, 1);
    }
    expect(warnings(at)).toEqual([]);
    expect([at.trips.counts.health, at.trips.counts.list]).toEqual([5, 5]);
  });

  it("warns when the reconciler stops, and says when it was last seen", async () => {
    const at = world();
    const dog = createWatchdog(at.core);
    const lastPulseAt = new Date(at.clock.now()).toISOString();
    await at.core.gateway.call("pulse", (store, request) => store.pulse({ ...request, unserved: 0 }));
    await submits(at, dog, 7);
    expect(warnings(at)).toMatchObject([{ fields: { lastPulseAt } }]);
  });

  it("does not trouble anybody when it cannot look, and looks again later", async () => {
    const at = world();
    const dog = createWatchdog(at.core);
    at.faults.store("health", { fault: "not_applied" });
    await submits(at, dog, 10);
    expect(warnings(at)).toEqual([]);
    expect(at.log).toMatchObject([{ level: "debug", fields: { code: "store.unavailable" } }]);
    await submits(at, dog, 5);
    expect(warnings(at)).toHaveLength(1);
  });

  it("survives a store whose answer makes no sense", async () => {
    const at = world();
    const core: World["core"] = {
      ...at.core,
      gateway: { ...at.core.gateway, call: async () => ({ lastPulseAt: -1e20, nowMs: 0 }) as never },
    };
    await submits(at, createWatchdog(core), 7);
    expect(at.log).toMatchObject([{ level: "debug" }, { level: "debug" }]);
  });

  it("says nothing where nothing is submitted", async () => {
    const at = world();
    createWatchdog(at.core);
    await submitted(at);
    await at.clock.advance(60 * MINUTE);
    expect([at.trips.counts.health, at.trips.counts.list]).toEqual([0, 0]);
  });
});

describe("a process that submits without a notifier that other jobs of the kind have", () => {
  /** Two processes that submit; the second has the notifiers given. */
  async function second(notifiers: WorldOptions["notifiers"], given: WorldOptions = {}): Promise<World> {
    const store = memoryStore();
    const first = world({ notifiers: { ui: memoryNotifier(), hook: servedElsewhere() } }, store);
    await submitted(first);
    const at = world(
      { ...(notifiers === undefined ? {} : { notifiers }), ...given, clock: first.clock },
      store,
    );
    for (let minute = 0; minute < 30; minute += 1) {
      await at.core.gateway.call("pulse", (pulsed, request) => pulsed.pulse({ ...request, unserved: 0 }));
      at.runtime.watchdog.submitted(mailKind.kind);
      await at.clock.advance(MINUTE);
    }
    return at;
  }

  it("is told so once, with the names", async () => {
    const at = await second({ ui: servedElsewhere() });
    expect(warnings(at)).toMatchObject([
      { message: expect.stringContaining("without the name of a notifier"), fields: { notifiers: ["hook"] } },
    ]);
  });

  it.each<[string, WorldOptions["notifiers"], WorldOptions]>([
    ["which names all of them", { ui: servedElsewhere(), hook: servedElsewhere() }, {}],
    ["which has retired the rest", { ui: servedElsewhere() }, { retired: ["hook"] }],
  ])("is left alone, %s", async (_, notifiers, given) => {
    expect(warnings(await second(notifiers, given))).toEqual([]);
  });

  it("is not compared with jobs of kinds that it does not submit", async () => {
    const store = memoryStore();
    const first = world({ notifiers: { ui: memoryNotifier() } }, store);
    await submitted(first);
    const at = world({ clock: first.clock }, store);
    for (let minute = 0; minute < 12; minute += 1) {
      at.runtime.watchdog.submitted(recoverKind.kind);
      await at.clock.advance(MINUTE);
    }
    expect(warnings(at).filter(({ message }) => message.includes("notifier"))).toEqual([]);
  });
});
