// A change is stored and its answer is lost; before Waybill has asked again something else goes wrong. Whoever asked for the
// change must hear that it may have happened.
import { afterEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { createWaybill, defineJob, StoreUnavailableError, WaybillError } from "../../src/index.js";
import type { AnyStore } from "../../src/core/ports/store.js";
import { interceptStore, type StoreMethod } from "../../src/testing/faults/intercept-store.js";
import { recordingLogger } from "../support/engine.js";
import { ENGINES } from "./engines.js";

const mail = defineJob({ kind: "mail.send", input: z.object({ to: z.string() }) });

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

/** The first call of a method is carried out and has no answer; those after it end as `later` says. */
function losing(store: AnyStore, lost: StoreMethod, later: () => never | Promise<never>) {
  let calls = 0;
  let tell: () => void;
  const isLost = new Promise<void>((resolve) => {
    tell = resolve;
  });
  const broken = interceptStore(store, async (method, items, call) => {
    // A create of nothing asks for the time.
    if (method !== lost || items === 0) return call();
    calls += 1;
    if (calls > 1) return later();
    await call();
    tell();
    throw new StoreUnavailableError("The answer was lost.", { outcome: "unknown" });
  });
  return { store: broken, isLost };
}

const LATER: readonly (readonly [string, () => Error])[] = [
  ["it was closed", () => new WaybillError("waybill.closed", "The store was closed.")],
  ["its schema is older", () => new WaybillError("store.not_migrated", "The schema is older.")],
  ["it is damaged", () => new WaybillError("store.corrupt", "A record cannot be read.")],
];

for (const { name, isMissing, open } of ENGINES) {
  describe.skipIf(isMissing)(`a change whose answer was lost on ${name}`, () => {
    const bench = async (lost: StoreMethod, later: () => Error) => {
      const inner = await open();
      closers.push(() => inner.close());
      const { store, isLost } = losing(inner, lost, () => {
        throw later();
      });
      const { logger } = recordingLogger();
      const waybill = createWaybill({ jobs: [mail], store, logger });
      const count = async () => (await inner.list({ nowMs: 0, kinds: ["mail.send"], limit: 10 })).jobs.length;
      return { inner, waybill, isLost, count };
    };

    it.each(LATER)("may be stored when the store then says that %s", async (_, later) => {
      const { waybill, count } = await bench("create", later);
      const error = await waybill
        .submit(mail, { to: "ann" }, { id: "job-1" })
        .catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: "store.unavailable", outcome: "unknown", jobId: "job-1" });
      expect(await count()).toBe(1);
    });

    it("may be stored, all of many", async () => {
      const { waybill, count } = await bench("create", LATER[0]![1]);
      const items = [
        { input: { to: "ann" }, id: "job-1" },
        { input: { to: "bob" }, id: "job-2" },
      ];
      const error = await waybill.submitMany(mail, items).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: "store.unavailable", outcome: "unknown", jobId: "job-1" });
      expect(await count()).toBe(2);
    });

    it.each(LATER)("may have cancelled the job when the store then says that %s", async (_, later) => {
      const { inner, waybill } = await bench("write", later);
      await waybill.submit(mail, { to: "ann" }, { id: "job-1" });
      const error = await waybill.cancel("job-1").catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: "store.unavailable", outcome: "unknown", jobId: "job-1" });
      const { jobs } = await inner.read({ nowMs: 0, ids: ["job-1"] });
      expect(jobs[0]?.record).toMatchObject({ status: "FAILED", failure: { reason: "cancelled" } });
    });

    it.each(["create", "write"] as const)(
      "may be stored when Waybill is closed meanwhile (%s)",
      async (lost) => {
        const inner = await open();
        closers.push(() => inner.close());
        let isClosed = false;
        const { store, isLost } = losing(inner, lost, () => {
          throw isClosed ? LATER[0]![1]() : new StoreUnavailableError("Down.", { outcome: "not_applied" });
        });
        const { logger } = recordingLogger();
        const waybill = createWaybill({
          jobs: [mail],
          store: { ...store, close: async () => undefined },
          logger,
        });
        if (lost === "write") await waybill.submit(mail, { to: "ann" }, { id: "job-1" });
        const call =
          lost === "create" ? waybill.submit(mail, { to: "ann" }, { id: "job-1" }) : waybill.cancel("job-1");
        const settled = Promise.resolve(call).catch((thrown: unknown) => thrown);
        await isLost;
        await waybill.close();
        isClosed = true;
        expect(await settled).toMatchObject({
          code: "store.unavailable",
          outcome: "unknown",
          jobId: "job-1",
        });
      },
    );
  });
}
