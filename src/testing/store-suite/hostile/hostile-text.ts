import assert from "node:assert/strict";
import { decodeHistory, joinHistory } from "../../../core/job/history.js";
import type { Json } from "../../../core/json/json.js";
import {
  SAMPLE_END,
  sampleHistory,
  sampleJob,
  sampleQueuedJob,
  sampleReadyJob,
  sampleTerms,
  sampleWrite,
} from "../../sample-jobs.js";
import type { StoreBehaviour } from "../store-behaviour.js";
import { accepted, claimed, only, SCOPE, underScope } from "../store-probe.js";
import { START } from "../../../core/job/record.js";

/** Text that a careless store would interpret, cut or change. The core lets no NUL and no lone surrogate into a name. */
const NAMES = [
  "a'b",
  'a"b',
  "a\\b",
  "a\\u0000b",
  "'); drop table jobs; --",
  "$1 ${x} {{x}} :x ?",
  "a\nb\tc\r",
  "%_*?#[a-z]",
  "__proto__",
  "constructor",
  "漢字 e\u0301 é 😀 \u202e",
  " leading and trailing ",
  "null",
  "0",
  "a,b",
  "a.b",
  "Name",
  "name",
];

/** Hostile behind the characters by which a store may spread its jobs. */
const scopeOf = (name: string): string => SCOPE.slice(0, 2) + name;

/** As JSON text, where escapes may hold what a column of text may not. */
const TEXTS = [
  ...NAMES,
  "",
  "\u0000",
  "a\u0000b",
  "\ud800",
  "\udc00 lone",
  "\u2028\u2029",
  "\u007f\u0085",
  "],[1,2",
];

/** JSON values as JSON.parse makes them: own keys, whatever their names. */
const VALUES: readonly Json[] = [
  ...TEXTS,
  ...[
    0,
    -1,
    1.5,
    0.1 + 0.2,
    -1_234_567.890_123,
    1e-7,
    1e300,
    5e-324,
    2 ** 31,
    2 ** 53,
    Number.MAX_SAFE_INTEGER,
    Number.MIN_SAFE_INTEGER,
    true,
    false,
  ],
  JSON.parse('{"__proto__":{"polluted":true},"constructor":1,"":2,"a.b":3,"$ref":4,"a\\u0000b":5}') as Json,
  { deep: { list: [[], [[]], {}, null, ""] } },
  Object.fromEntries(TEXTS.map((text, index) => [text, index])),
  [],
  {},
];

export const hostileTextBehaviour: StoreBehaviour = {
  group: "hostile text",
  tests: {
    "keeps names as they are, and finds jobs by them": async (probe) => {
      const now = await probe.now();
      for (const [index, name] of NAMES.entries()) {
        const id = underScope(`job-${String(index)}`);
        const given = sampleJob(
          { id, owner: name, subject: name, kind: name, queue: name, notifiers: [name] },
          now,
        );
        await probe.given({ ...given, scope: scopeOf(name), inputHash: name, origin: name });
      }
      for (const [index, name] of NAMES.entries()) {
        const id = underScope(`job-${String(index)}`);
        const { record } = await probe.read(id);
        const { owner, subject, kind, queue, notifiers, scope } = record;
        assert.deepEqual(
          [owner, subject, kind, queue, notifiers, scope],
          [name, name, name, name, [name], scopeOf(name)],
        );
        for (const filter of [{ owner: name }, { subject: name }, { kinds: [name] }]) {
          assert.deepEqual(
            (await probe.list(filter)).jobs.map((job) => job.record.id),
            [id],
          );
        }
        const [answer] = await probe.create({
          record: sampleJob({ id: underScope("other"), scope: scopeOf(name) }, now),
          input: "{}",
        });
        assert.equal(answer?.status === "existing" && answer.job.record.id, id);
      }
    },

    "keeps kinds apart in the ready index whatever their names": async (probe) => {
      if (probe.isNoQueue) return;
      const now = await probe.now();
      for (const [index, kind] of NAMES.entries())
        await probe.given(sampleReadyJob({ id: `job-${String(index)}`, kind }, now));
      for (const [index, kind] of NAMES.entries()) {
        const kinds = [{ kind, leaseMs: 1_000 }];
        const { record } = only(await probe.claimNext({ kinds, token: `token-${String(index)}` }));
        assert.deepEqual([record.id, record.kind], [`job-${String(index)}`, kind]);
      }
    },

    "keeps JSON values as they are: metadata, progress, checkpoint, reference": async (probe) => {
      const now = await probe.now();
      for (const [index, value] of VALUES.entries()) {
        const id = `job-${String(index)}`;
        await probe.given(sampleQueuedJob({ id, metadata: value }, now));
        const { record } = claimed(await probe.claim({ id }));
        const awaiting = {
          ref: value,
          refKeys: [],
          since: 1,
          deadlineAt: 2,
          nextPollAt: 3,
          fence: 1,
          pollErrors: 0,
          cancellable: true,
          cancelSent: false,
        };
        accepted(
          await probe.write(sampleWrite(record, { patch: { progress: value, checkpoint: value, awaiting } })),
        );
        const stored = (await probe.read(id)).record;
        assert.deepEqual(
          [stored.metadata, stored.progress, stored.checkpoint, stored.awaiting?.ref],
          [value, value, value, value],
        );
      }
      assert.equal(Object.hasOwn(Object.prototype, "polluted"), false);
    },

    "keeps input and output with every escape": async (probe) => {
      const now = await probe.now();
      for (const [index, value] of VALUES.entries()) {
        const id = `job-${String(index)}`;
        const text = JSON.stringify(value);
        await probe.given(sampleQueuedJob({ id }, now), text);
        const { record } = claimed(await probe.claim({ id }));
        accepted(await probe.write(sampleWrite(record, { edges: ["T5"], patch: SAMPLE_END, output: text })));
        const { input, output } = await probe.read(id, { input: true, output: true });
        assert.deepEqual([input, output], [text, text]);
      }
    },

    "keeps the texts of errors, failures, requests and phases, empty ones apart from none": async (probe) => {
      const now = await probe.now();
      for (const [index, text] of TEXTS.entries()) {
        const id = `job-${String(index)}`;
        const { record } = await probe.processing({ id }, { token: `token-${String(index)}` });
        const patch = {
          lastError: { message: text, code: text, expose: index % 3 === 0, at: now, attempt: 1 },
          failure: {
            ...({
              reason: "error",
              message: text,
              code: null,
              expose: index % 2 === 0,
              retryable: index % 3 === 0,
            } as const),
            details: { [text]: text },
          },
          cancel: { at: now, actor: text, reason: text },
        };
        accepted(await probe.write(sampleWrite(record, { patch })));
        const { lastError, failure, cancel } = (await probe.read(id)).record;
        assert.deepEqual({ lastError, failure, cancel }, patch);
      }
      const { record } = await probe.processing({ id: "empty" });
      accepted(await probe.write(sampleWrite(record, { patch: { phase: "", worker: "" } })));
      const stored = (await probe.read("empty")).record;
      assert.deepEqual(
        [stored.phase, stored.worker, stored.startedAt !== null, stored.retryAt],
        ["", "", true, null],
      );
    },

    "takes history as opaque text: appended, replaced, from a template": async (probe) => {
      const now = await probe.now();
      for (const [index, text] of TEXTS.entries()) {
        const id = `job-${String(index)}`;
        const given = await probe.given(
          sampleQueuedJob({ id, history: sampleHistory(["T1", "T2"], { nowMs: now, text }) }, now),
        );
        const job = claimed(await probe.claim({ id }, sampleTerms({ transitionId: text, worker: "w" })));
        assert.equal(decodeHistory(job.record.history)[2]?.transitionId, text);
        assert.ok(job.record.history.startsWith(`${given.history},`));
        accepted(await probe.write(sampleWrite(job.record, { edges: ["phase"], text })));
        const appended = (await probe.read(id)).record;
        assert.deepEqual(
          decodeHistory(appended.history).map((entry) => entry.text),
          [text, text, null, text],
        );
        const replace = sampleHistory(["phase", "warning"], { nowMs: now, text });
        accepted(await probe.write(sampleWrite(appended, { replace })));
        assert.equal((await probe.read(id)).record.history, replace);
      }
    },

    "keeps a history of 64 KiB": async (probe) => {
      let { record } = await probe.processing({ id: "job-1" });
      const text = "é😀".repeat(300);
      let expected = record.history;
      while (expected.length < 64 * 1024) {
        const write = sampleWrite(record, { edges: ["phase"], text });
        accepted(await probe.write(write));
        expected = joinHistory(expected, "append" in write.history ? write.history.append : "");
        record = { ...record, version: write.patch.version };
      }
      assert.ok((await probe.read("job-1")).record.history === expected);
    },

    "keeps every instant to the millisecond, and every count that a number holds": async (probe) => {
      const now = await probe.now();
      const given = { createdAt: 1, retainMs: 315_360_000_001, deadlineAt: 253_402_300_799_999 };
      const { record } = await probe.processing({ id: "job-1", ...given });
      const { createdAt, retainMs, deadlineAt } = record;
      assert.deepEqual(
        { createdAt, retainMs, deadlineAt },
        given,
        "what was created is answered as it was given",
      );
      const instants = [1, 999, 1_000, now + 1, now + 999, 4_102_444_799_999, 253_402_300_799_999];
      let version = record.version;
      for (const at of instants) {
        const patch = {
          etaAt: at,
          startedAt: at,
          queuedAt: at,
          updatedAt: at,
          finishedAt: at,
          retryAt: at,
          purgeAt: at,
        };
        accepted(
          await probe.write(
            sampleWrite({ ...record, version }, { patch: { ...patch, wakeAt: at, send: 2 ** 31 - 1 } }),
          ),
        );
        version += 1;
        const stored = (await probe.read("job-1")).record;
        assert.deepEqual(stored, { ...record, ...patch, wakeAt: at, send: 2 ** 31 - 1, version });
      }
      for (const percent of [0, 0.1, 33.333333333333336, 99.99, 100]) {
        accepted(await probe.write(sampleWrite({ ...record, version }, { patch: { percent } })));
        version += 1;
        assert.equal((await probe.read("job-1")).record.percent, percent);
      }
    },

    "keeps every count up to 2,147,483,647, of a record and of a cursor": async (probe) => {
      const now = await probe.now();
      const most = 2 ** 31 - 1;
      const counts = { send: most, releases: most, redrives: most, maxAttempts: most, historyTrimmed: most };
      const raised = { version: most - 3, dispatch: most - 1, attempt: most - 1, fence: most - 1 };
      const given = await probe.given(
        sampleQueuedJob({ id: "job-1", notifiers: ["ui"], ...counts, ...raised }, now),
      );
      assert.deepEqual((await probe.read("job-1")).record, given, "create keeps every count");
      const { record } = claimed(await probe.claim({ id: "job-1", dispatch: most }));
      const { version, dispatch, attempt, fence } = record;
      assert.deepEqual(
        [version, dispatch, attempt, fence],
        [most - 2, most, most, most],
        "a claim raises them",
      );
      accepted(await probe.write(sampleWrite(record, { patch: { percent: 1 } })));
      assert.deepEqual((await probe.read("job-1")).record, { ...record, percent: 1, version: most - 1 });
      const exhausted = [9, 10, 99, ...Array.from({ length: 300 }, (_, index) => most - 301 + index)];
      const ui = { ...START, upTo: most - 1, attempts: most, exhausted };
      accepted(await probe.advance({ id: "job-1", wakeAt: record.wakeAt, cursors: { ui } }));
      assert.deepEqual(
        (await probe.read("job-1")).cursors,
        { ui },
        "a cursor keeps its place and its attempts",
      );
      const behind = { ...START, upTo: 40_000, attempts: 7 };
      accepted(await probe.advance({ id: "job-1", wakeAt: record.wakeAt, cursors: { ui: behind } }));
      assert.deepEqual((await probe.read("job-1")).cursors, { ui }, "and is merged by them");
    },

    "keeps cursors by hostile names": async (probe) => {
      const given = await probe.given(sampleQueuedJob({ id: "job-1", notifiers: NAMES }, await probe.now()));
      const entries = NAMES.map(
        (name, index) =>
          [name, { ...START, upTo: index, attempts: 1, reason: TEXTS[index] ?? null }] as const,
      );
      const cursors = Object.fromEntries(entries);
      const result = await probe.advance({ id: "job-1", ifVersion: 2, wakeAt: given.wakeAt, cursors });
      assert.deepEqual(result, { status: "ok", wake: "written", cursors });
      assert.deepEqual((await probe.read("job-1")).cursors, cursors);
      assert.equal((await probe.health()).undeliverable, 0);
    },
  },
};
