import { describe, expect, it } from "vitest";
import { createStoreWatch } from "../../../src/core/engine/compose/store-watch.js";
import { StoreNotMigratedError, StoreUnavailableError } from "../../../src/core/errors/errors.js";
import type { LostWrites } from "../../../src/core/ports/store.js";
import { createWaybill } from "../../../src/core/create-waybill.js";
import { memoryStore } from "../../../src/adapters/memory/store.js";
import { fakeClock } from "../../../src/testing/fake-clock.js";
import { interceptStore } from "../../../src/testing/faults/intercept-store.js";
import { mail, recordingLogger, type World, world } from "../../support/engine.js";

interface Watched {
  readonly at: World;
  readonly counted: string[];
  /** What the store tells whoever listens. */
  readonly lose: (lost: LostWrites) => void;
  readonly watch: ReturnType<typeof createStoreWatch>;
  readonly asked: () => number;
}

function watched(ready: () => Promise<void> = async () => undefined): Watched {
  const at = world();
  const counted: string[] = [];
  const listeners = new Set<(lost: LostWrites) => void>();
  let asked = 0;
  const store = {
    ...at.core.gateway.store,
    ready: () => {
      asked += 1;
      return ready();
    },
    onLostWrites: (listener: (lost: LostWrites) => void) => {
      listeners.add(listener);
      return () => {
        listeners.delete(listener);
      };
    },
  };
  const watch = createStoreWatch({
    ...at.core,
    gateway: { ...at.core.gateway, store },
    telemetry: { count: (counter) => counted.push(counter) },
  });
  const lose = (lost: LostWrites): void => {
    for (const listener of listeners) listener(lost);
  };
  return { at, counted, lose, watch, asked: () => asked };
}

describe("a store that lost acknowledged writes", () => {
  it("is logged as an error and counted", () => {
    const { at, counted, lose } = watched();
    lose({ calls: 7, nowMs: 1 });
    expect(counted).toEqual(["store_rollback_detected"]);
    expect(at.log).toMatchObject([
      { level: "error", message: expect.stringContaining("lost writes"), fields: { calls: 7 } },
    ]);
  });

  it("is not listened to any more once it is closed", () => {
    const { counted, lose, watch } = watched();
    watch.close();
    lose({ calls: 7, nowMs: 1 });
    expect(counted).toEqual([]);
  });
});

describe("a store that is not fit for use", () => {
  it("is asked once, however many workers start", async () => {
    const { at, watch, asked } = watched();
    void watch.check();
    void watch.check();
    await at.clock.settle();
    expect(asked()).toBe(1);
    expect(at.log).toEqual([]);
  });

  it("is logged with its own sentence and code", async () => {
    const { at, watch } = watched(() => Promise.reject(new StoreNotMigratedError("The schema is missing.")));
    void watch.check();
    await at.clock.settle();
    expect(at.log).toMatchObject([
      {
        level: "error",
        message: expect.stringContaining("The schema is missing."),
        fields: { code: "store.not_migrated" },
      },
    ]);
  });

  it("is not spoken of twice where it only cannot be reached", async () => {
    const { at, watch } = watched(() =>
      Promise.reject(new StoreUnavailableError("No answer.", { outcome: "not_applied" })),
    );
    void watch.check();
    await at.clock.settle();
    expect(at.log).toEqual([]);
  });

  it("says nothing of what a foreign error holds", async () => {
    const { at, watch } = watched(() => Promise.reject(new Error("password=secret")));
    void watch.check();
    await at.clock.settle();
    expect(at.log).toMatchObject([{ level: "error", fields: { code: "Error" } }]);
    expect(JSON.stringify(at.log)).not.toContain("secret");
  });
});

describe("a worker on a store that is not fit for use", () => {
  it("refuses to run, and runs once that is mended", async () => {
    const clock = fakeClock();
    let isMigrated = false;
    const store = interceptStore(memoryStore(), async (method, _items, call) => {
      if (!isMigrated && method === "ready") throw new StoreNotMigratedError("The schema is missing.");
      return call();
    });
    const waybill = createWaybill({ jobs: [mail], store, clock, logger: recordingLogger().logger });
    const worker = () => waybill.worker([mail.handle(() => ({ sent: 1 }))]);
    await expect(clock.runUntil(worker().run())).rejects.toMatchObject({ code: "store.not_migrated" });
    isMigrated = true;
    const running = worker().run();
    const { id } = await clock.runUntil(waybill.submit(mail, { to: "ann" }).unwrap());
    expect(await clock.runUntil(waybill.result(mail, id))).toEqual({ sent: 1 });
    await clock.runUntil(waybill.close());
    await running;
  });
});
