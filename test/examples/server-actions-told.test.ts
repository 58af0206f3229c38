import fc from "fast-check";
import { createWaybill, type Logger, memoryStore } from "waybill";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openAppSync, tellUnreadable } from "../../examples/server-actions/appsync.js";
import { FakeEc2, type Trouble } from "../../examples/server-actions/fake-ec2.js";
import { resolverOf } from "../../examples/server-actions/resolver.js";
import { actOn } from "../../examples/server-actions/routines.js";
import { ACTIONS, serverAction } from "../../examples/server-actions/server-action.job.js";
import { type AppSyncDouble, DOUBLE_KEYS, startAppSync } from "../doubles/appsync/double.js";

let appsync: AppSyncDouble;
let stop: (() => Promise<void>)[];
let logged: { readonly message: string; readonly fields: Readonly<Record<string, unknown>> | undefined }[];

beforeEach(async () => {
  stop = [];
  logged = [];
  appsync = await startAppSync();
});
afterEach(async () => {
  for (const each of stop) await each();
  await appsync.close();
});

function open(trouble: Readonly<Record<string, Trouble>> = {}) {
  const ui = openAppSync(appsync.url, DOUBLE_KEYS.apiKey);
  const quiet = (): void => {};
  const error: Logger["error"] = (message, fields) => void logged.push({ message, fields });
  const logger = { debug: quiet, info: quiet, warn: error, error };
  const policy = {
    notifier: { giveUpAfterMs: 3_600_000, baseMs: 10, capMs: 20 },
    reconcileIdleMs: 20,
    reconcileBusyMs: 20,
  };
  const store = memoryStore();
  const waybill = createWaybill({ jobs: [serverAction], store, notifiers: { ui }, logger, policy });
  const ec2 = new FakeEc2({ trouble, delayMs: 1 });
  const working = new AbortController();
  const run = waybill.worker([actOn(ec2)], { pollIntervalMs: 20 }).run({ signal: working.signal });
  stop.push(async () => {
    working.abort();
    await run;
    await waybill.close();
  });
  const resolve = resolverOf(waybill, ec2);
  const ask = async (name: string, action: string, instanceId: string): Promise<string> => {
    const claims = { sub: name, email: `${name}@example.com` };
    const { body } = await resolve({ arguments: { action, instanceId }, identity: { claims } });
    return (JSON.parse(body) as { readonly id: string }).id;
  };
  return { waybill, ui, ask };
}

const pushesOf = (jobId: string) =>
  appsync.accepted.map(({ push }) => push).filter((push) => push["jobId"] === jobId);

const untilEnd = (jobId: string) =>
  expect
    .poll(() => pushesOf(jobId).at(-1)?.["status"], { timeout: 20_000, interval: 20 })
    .toMatch(/^(COMPLETED|FAILED)$/);

/** Without what differs from run to run: which job, and when. */
function golden(push: Readonly<Record<string, unknown>>, jobId: string | null): string {
  expect(push["jobId"]).toBe(jobId);
  expect(Math.abs(Number(push["timestamp"]) - Date.now() / 1_000)).toBeLessThan(120);
  return `${JSON.stringify({ ...push, jobId: jobId && "<job>", timestamp: "<seconds>" }, null, 2)}\n`;
}

describe("what AppSync is given, field by field", () => {
  it.each([
    ["1-queued", 0, "i-01"],
    ["2-started", 1, "i-01"],
    ["3-completed", 2, "i-01"],
    ["4-failed-with-its-error", 2, "i-02"],
    ["5-failed-without-one", 2, "i-03"],
    ["6-failed-by-an-exception", 2, "i-04"],
  ] as const)("%s", async (name, place, instanceId) => {
    const { ask } = open({ "i-02": "capacity", "i-03": "refuses", "i-04": "exception" });
    const jobId = await ask("ana", "start", instanceId);
    await untilEnd(jobId);
    await expect(golden(pushesOf(jobId)[place] ?? {}, jobId)).toMatchFileSnapshot(
      `../golden/server-actions/${name}.json`,
    );
  });

  it("7-unreadable", async () => {
    const { ui } = open();
    await tellUnreadable(ui, '{"userEmail": "ana@example.com", broken', "it is no JSON");
    await expect(golden(appsync.accepted[0]?.push ?? {}, null)).toMatchFileSnapshot(
      "../golden/server-actions/7-unreadable.json",
    );
  });
});

describe("an exception", () => {
  it("is FAILED at the first attempt with its reason; its text and its stack are in the log, and nowhere else", async () => {
    const { ask, waybill } = open({ "i-04": "exception" });
    const jobId = await ask("ana", "stop", "i-04");
    await untilEnd(jobId);
    const job = await waybill.get(serverAction, jobId);
    expect(job).toMatchObject({ status: "FAILED", attempt: 1, failure: { reason: "attempts_exhausted" } });
    const entry = logged.find(({ fields }) => fields?.["jobId"] === jobId);
    expect(JSON.stringify(entry)).toContain("Cannot read properties of undefined");
    expect(JSON.stringify(entry)).toContain("fake-ec2.ts");
    expect(JSON.stringify(pushesOf(jobId))).not.toMatch(/Cannot read|fake-ec2/);
  });
});

const asked = fc.record({
  name: fc.constantFrom("ana", "ben"),
  action: fc.constantFrom(...ACTIONS),
  trouble: fc.constantFrom<(Trouble | "none")[]>("none", "capacity", "exception", "refuses"),
  /** How often pushes fail before one is taken: fewer than five in a row in all, which would leave AppSync alone for seconds. */
  refusals: fc.integer({ min: 0, max: 1 }),
});

const SIX = {
  id: (value: unknown) => /^i-[0-9a-z]{2,17}$/.test(String(value)),
  action: (value: unknown) => (ACTIONS as readonly unknown[]).includes(value),
  status: (value: unknown) => ["PROCESSING", "COMPLETED", "FAILED"].includes(String(value)),
  timestamp: (value: unknown) => Number.isInteger(value) && Number(value) > 1_700_000_000,
  message: (value: unknown) => typeof value === "string" && value !== "",
  userEmail: (value: unknown) => /^(ana|ben)@example\.com$/.test(String(value)),
};

it("every push of every path has six fields of the right type, and the pushes of a job are its history", async () => {
  let count = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(asked, { minLength: 1, maxLength: 4 }), async (all) => {
      const instances = all.map(
        ({ trouble }) => [`i-${String((count += 1)).padStart(2, "0")}`, trouble] as const,
      );
      const troubles = instances.filter(([, trouble]) => trouble !== "none");
      const { ask, waybill } = open(Object.fromEntries(troubles) as Record<string, Trouble>);
      for (const { refusals } of all)
        if (refusals > 0) appsync.faults.next("unavailable", { count: refusals });
      const ids = await Promise.all(
        all.map(({ name, action }, place) => ask(name, action, instances[place]?.[0] ?? "")),
      );
      for (const [place, id] of ids.entries()) {
        await untilEnd(id);
        const pushes = pushesOf(id);
        for (const push of pushes)
          for (const [field, isRight] of Object.entries(SIX))
            expect([field, push[field], isRight(push[field])]).toEqual([field, push[field], true]);
        const { name, action, trouble } = all[place]!;
        expect(
          new Set(pushes.map((push) => [push["id"], push["action"], push["userEmail"]].join(" "))),
        ).toEqual(new Set([`${instances[place]![0]} ${action} ${name}@example.com`]));
        expect(pushes.at(-1)?.["status"]).toBe(trouble === "none" ? "COMPLETED" : "FAILED");
        const { events } = (await waybill.history(id))!;
        // What is not shown to anybody is told to nobody.
        const told = events.filter(({ type }) => type !== "job.created");
        expect(pushes.map(({ version, message }) => [version, message])).toEqual(
          told.map(({ version, message }) => [version, message]),
        );
        expect(pushes.map(({ timestamp }) => timestamp)).toEqual(
          told.map(({ at }) => Math.floor(at.getTime() / 1_000)),
        );
      }
    }),
    { numRuns: 10 },
  );
}, 120_000);

it("a push that fails five times and then succeeds is one terminal event", async () => {
  const { ask } = open();
  appsync.faults.next("unavailable", { count: 5, where: ({ status }) => status === "COMPLETED" });
  const jobId = await ask("ana", "reboot", "i-01");
  await untilEnd(jobId);
  expect(pushesOf(jobId).map(({ status }) => status)).toEqual(["PROCESSING", "PROCESSING", "COMPLETED"]);
});

it("is told, as well as can be, before the resolver's Lambda is frozen", async () => {
  const { waybill } = open();
  const order: string[] = [];
  const resolve = resolverOf(
    {
      submit: (...args) => {
        order.push("submit");
        return waybill.submit(...args);
      },
      flush: async () => order.push("flush") > 0,
    },
    new FakeEc2(),
  );
  const identity = { claims: { sub: "ana", email: "ana@example.com" } };
  const { statusCode } = await resolve({ arguments: { action: "start", instanceId: "i-01" }, identity });
  expect([statusCode, ...order]).toEqual([202, "submit", "flush"]);
});
