import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Store } from "../../src/core/ports/store.js";
import { sqliteStore } from "../../src/sqlite.js";
import { sampleReadyJob, sampleTerms, sampleWrite } from "../../src/testing/sample-jobs.js";
import { type OpenDatabase, openDatabase, temporaryFile } from "./sqlite-driver.js";
import { START } from "../../src/core/job/record.js";

const nowMs = 1_750_000_000_123;

let file: ReturnType<typeof temporaryFile>;
let db: OpenDatabase;
let store: Store;

beforeEach(() => {
  file = temporaryFile();
  db = openDatabase(file.path);
  store = sqliteStore({ db });
});

afterEach(async () => {
  await store.close();
  db.close();
  file.remove();
});

const HOSTILE: readonly (readonly [name: string, text: string])[] = [
  ["a NUL in the middle", "before\0after"],
  ["a NUL alone", "\0"],
  ["half a surrogate pair", "a\ud800b"],
  ["the other half", "\udfff"],
  ["a whole pair", "😀"],
  ["quotes and a comment", `'; drop table waybill_job; -- "`],
  ["a text that is JSON itself", '"quoted"'],
  ["a lone quote", '"'],
  ["an unclosed quote before a NUL", '"\0'],
  ["wildcards", "%_*?[a]"],
  ["nothing", ""],
  ["a name of Object.prototype", "__proto__"],
  ["combining marks that look alike", "é≠é"],
  ["the last character of the BMP", "\uffff"],
];

describe("text in the SQLite store", () => {
  it.each(HOSTILE)("with %s comes back as it was from every field", async (_name, text) => {
    const record = sampleReadyJob(
      {
        id: "one",
        kind: text,
        owner: text,
        subject: text,
        metadata: { [text]: text },
        notifiers: [text],
        scope: text,
        inputHash: text,
        phase: text,
        progress: { [text]: [text] },
        lastError: { message: text, code: text, expose: false, at: nowMs, attempt: 1 },
        cancel: { at: nowMs, actor: text, reason: text },
        checkpoint: text,
        failure: {
          reason: "error",
          message: text,
          code: text,
          expose: false,
          retryable: false,
          details: text,
        },
      },
      nowMs,
    );
    await store.create({ nowMs, items: [{ record, input: JSON.stringify(text) }] });
    const { jobs } = await store.read({ nowMs, ids: ["one"], input: true });
    expect(jobs[0]).toEqual({ record, cursors: {}, input: JSON.stringify(text) });

    const next = {
      terms: sampleTerms({ worker: text }),
      token: "token",
      kinds: [{ kind: text, leaseMs: 1_000 }],
      limit: 1,
    };
    const claim = await store.claim({ nowMs, next });
    expect(claim.jobs[0]?.record.worker).toBe(text);
  });

  it.each(HOSTILE)("with %s finds its own jobs and no others", async (_name, text) => {
    const near = [`${text}x`, `x${text}`, JSON.stringify(text), text.slice(0, -1), text.toUpperCase()];
    const others = near.filter((other) => other !== text);
    const items = [text, ...others].map((value, index) => ({
      record: sampleReadyJob(
        { id: `job-${index}`, owner: value, subject: value, kind: value, scope: value },
        nowMs,
      ),
      input: "{}",
    }));
    // Two of the near ones may be equal.
    await store.create({ nowMs, items });
    const ids = async (request: object): Promise<readonly string[]> => {
      const { jobs } = await store.list({ nowMs, limit: 10, ...request });
      return jobs.map((job) => job.record.id);
    };
    expect(await ids({ owner: text })).toEqual(["job-0"]);
    expect(await ids({ subject: text })).toEqual(["job-0"]);
    expect(await ids({ kinds: [text] })).toEqual(["job-0"]);
    expect(await ids({ owner: text, subject: text, kinds: [text, "else"], statuses: ["QUEUED"] })).toEqual([
      "job-0",
    ]);
  });

  it.each(HOSTILE)("with %s is a reference key like any other", async (_name, text) => {
    const record = sampleReadyJob({ id: "one" }, nowMs);
    await store.create({ nowMs, items: [{ record, input: "{}" }] });
    const awaiting = {
      ref: text,
      refKeys: [text, "other"],
      since: nowMs,
      deadlineAt: nowMs + 1,
      nextPollAt: nowMs + 1,
      fence: 1,
      pollErrors: 0,
      cancellable: false,
      cancelSent: false,
    };
    await store.write({ nowMs, items: [sampleWrite(record, { patch: { awaiting } })] });
    const found = await store.byRef({ nowMs, kind: "sample.work", refKey: text });
    expect(found.jobs.map((job) => job.record.awaiting)).toEqual([awaiting]);
    expect((await store.byRef({ nowMs, kind: "sample.work", refKey: `${text}-` })).jobs).toEqual([]);
  });

  it.each(HOSTILE)("with %s comes back from a parked message and a cursor", async (_name, text) => {
    const message = { id: "parked-1", queue: text, body: text, reason: text, at: nowMs };
    await store.park({ nowMs, messages: [message] });
    expect((await store.parked({ nowMs, limit: 10 })).messages).toEqual([message]);

    await store.create({ nowMs, items: [{ record: sampleReadyJob({ id: "one" }, nowMs), input: "{}" }] });
    const cursor = { ...START, upTo: 1 };
    const cursors = Object.fromEntries([[text, cursor]]);
    const plannedOn = { status: "QUEUED" as const, version: 2, token: null };
    await store.advance({
      nowMs,
      items: [{ id: "one", plannedOn, wakeAt: null, purgeAt: null, latestWakeAt: 0, cursors }],
    });
    const [job] = (await store.read({ nowMs, ids: ["one"] })).jobs;
    expect(Object.entries(job?.cursors ?? {})).toEqual([[text, cursor]]);
  });

  it("holds an input and an output as large as it declares", async () => {
    const text = JSON.stringify("x".repeat(store.capabilities.maxPayloadBytes - 2));
    const record = sampleReadyJob({ id: "one" }, nowMs);
    await store.create({ nowMs, items: [{ record, input: text }] });
    await store.write({ nowMs, items: [sampleWrite(record, { output: text })] });
    const [job] = (await store.read({ nowMs, ids: ["one"], input: true, output: true })).jobs;
    expect(job?.input === text && job.output === text).toBe(true);
  });
});
