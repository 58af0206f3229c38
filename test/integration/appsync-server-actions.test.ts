import fc from "fast-check";
import { createWaybill, memoryStore } from "waybill";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openAppSync, tellUnreadable } from "../../examples/server-actions/appsync.js";
import { FakeEc2, type Trouble } from "../../examples/server-actions/fake-ec2.js";
import { resolverOf, type ResolverEvent } from "../../examples/server-actions/resolver.js";
import { actOn, routeOf, ROUTINES } from "../../examples/server-actions/routines.js";
import { ACTIONS, serverAction } from "../../examples/server-actions/server-action.job.js";
import { Subscriber } from "../../examples/server-actions/subscriber.js";
import { judge } from "../../examples/server-actions/verdict.js";
import { DOUBLE_KEYS, startAppSync, type AppSyncDouble } from "../doubles/appsync/double.js";

// The example's own files over a store in memory: what SQS, DynamoDB and Lambda add is tested where they are.

const claims = (name: string) => ({ sub: name, email: `${name}@example.com`, email_verified: true });
const TOKENS = { "token.of.ana": claims("ana"), "token.of.ben": claims("ben") };

let appsync: AppSyncDouble;
let stop: (() => Promise<void>)[];

beforeEach(async () => {
  stop = [];
  appsync = await startAppSync({ tokens: TOKENS });
});
afterEach(async () => {
  for (const each of stop) await each();
  await appsync.close();
});

function open(trouble: Readonly<Record<string, Trouble>> = {}) {
  const ui = openAppSync(appsync.url, DOUBLE_KEYS.apiKey);
  const ec2 = new FakeEc2({ trouble, delayMs: 1 });
  const logger = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
  const waybill = createWaybill({ jobs: [serverAction], store: memoryStore(), notifiers: { ui }, logger });
  const working = new AbortController();
  const run = waybill.worker([actOn(ec2)], { pollIntervalMs: 20 }).run({ signal: working.signal });
  stop.push(async () => {
    working.abort();
    await run;
    await waybill.close();
  });
  const resolve = resolverOf(waybill, ec2);
  const ask = (name: string, action: string, instanceId: string) =>
    resolve({ arguments: { action, instanceId }, identity: { claims: claims(name) } });
  return { waybill, ec2, ui, ask, resolve };
}

const bodyOf = ({ body }: { readonly body: string }) => JSON.parse(body) as { readonly id: string };

/** The six fields of every push, in order, without the time. */
const told = () =>
  appsync.accepted.map(({ push: { id, action, status, message, userEmail } }) =>
    [id, action, status, message, userEmail].join(" | "),
  );

describe("what the page is told", () => {
  it.each<[string, Trouble | null, string]>([
    ["done", null, "COMPLETED | Successfully completed start"],
    ["capacity, which is for people to know", "capacity", "FAILED | No capacity in this zone"],
    ["refused by the service", "refuses", "FAILED | Failed to complete start"],
    ["an exception, whose text is not for them", "exception", "FAILED | Failed to complete start"],
  ])("when an action is %s", async (_what, trouble, end) => {
    const { ask } = open(trouble === null ? {} : { "i-01": trouble });
    expect(await ask("ana", "start", "i-01")).toMatchObject({ statusCode: 202 });
    await appsync.untilAccepted(3);
    expect(told()).toEqual([
      "i-01 | start | PROCESSING | Start request queued for processing | ana@example.com",
      "i-01 | start | PROCESSING | Processing start | ana@example.com",
      `i-01 | start | ${end} | ana@example.com`,
    ]);
    for (const { push } of appsync.accepted) expect(Number.isInteger(push["timestamp"])).toBe(true);
  });

  it("when a message cannot be read", async () => {
    const { ui } = open();
    await tellUnreadable(ui, '{"broken', "it is no JSON");
    await tellUnreadable(ui, '{"userEmail": "ana@example.com", broken', "it is no JSON");
    expect(told()).toEqual([
      "unknown | unknown | FAILED | Error processing message: it is no JSON | ",
      "unknown | unknown | FAILED | Error processing message: it is no JSON | ana@example.com",
    ]);
  });

  it("to the last step, though AppSync fails and loses an answer: one end, heard by its owner alone", async () => {
    const { ask, waybill } = open();
    const read = async () => [];
    const pages = ["ana", "ben"].map(
      (name) =>
        new Subscriber({
          realtimeUrl: appsync.realtimeUrl,
          token: `token.of.${name}`,
          userEmail: claims(name).email,
          read,
        }),
    );
    for (const page of pages) await page.open();
    for (const fault of ["unavailable", "lost_reply"] as const) appsync.faults.next(fault);
    const { id } = bodyOf(await ask("ana", "stop", "i-02"));
    const [ana, ben] = pages;
    await expect.poll(() => ana?.jobs.get(id)?.status, { timeout: 60_000, interval: 50 }).toBe("COMPLETED");
    const verdict = await judge(waybill, [id], ana?.heard ?? []);
    expect(verdict).toMatchObject({ isTrue: true, steps: 3, outcomesNeverHeard: [], undelivered: 0 });
    expect(ben?.heard).toEqual([]);
    for (const page of pages) page.close();
  });
});

describe("where an action goes", () => {
  it("a write is queued, always; a read never; an unknown one makes no job", async () => {
    const { ask, waybill, ec2 } = open();
    const action = fc.oneof(
      fc.constantFrom(...ACTIONS, "describe"),
      fc.string({ maxLength: 12 }),
      fc.constantFrom("__proto__", "constructor", "START"),
    );
    await fc.assert(
      fc.asyncProperty(action, async (name) => {
        const before = (await waybill.list({ kind: "server.action", owner: "ana", limit: 100 })).items.length;
        const { statusCode } = await ask("ana", name, "i-03");
        const after = (await waybill.list({ kind: "server.action", owner: "ana", limit: 100 })).items.length;
        expect([statusCode, after - before]).toEqual(
          { write: [202, 1], read: [200, 0], unknown: [400, 0] }[routeOf(name)],
        );
      }),
      { numRuns: 40 },
    );
    expect(ec2.log.every((entry) => (ACTIONS as readonly string[]).includes(entry.action))).toBe(true);
  });

  it("each reaches its routine and no other", async () => {
    for (const action of ACTIONS) {
      const ec2 = new FakeEc2({ delayMs: 0 });
      await ROUTINES[action](ec2, "i-04");
      expect(ec2.log).toEqual([{ action, instanceId: "i-04", done: true }]);
    }
  });

  it("nowhere for somebody who does not say who he is, or for what is no machine", async () => {
    const { resolve, ask } = open();
    const nobody: ResolverEvent = { arguments: { action: "start", instanceId: "i-01" }, identity: null };
    expect(await resolve(nobody)).toMatchObject({ statusCode: 403 });
    expect(await ask("ana", "start", "rm -rf")).toMatchObject({ statusCode: 400 });
    expect(appsync.requests).toBe(0);
  });
});
