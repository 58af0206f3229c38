import assert from "node:assert/strict";
import { decodeHistory } from "../../../core/job/history.js";
import { START } from "../../../core/job/record.js";
import {
  SAMPLE_END,
  sampleJob,
  sampleQueuedJob,
  sampleReadyJob,
  sampleTerms,
  sampleWrite,
} from "../../sample-jobs.js";
import type { StoreBehaviour } from "../store-behaviour.js";
import { accepted, claimed, only, refused, underScope } from "../store-probe.js";

/** The longest owner, subject and kind that the core lets through, and the longest reference key. */
const [NAME, KEY] = [256, 256];
/** The most reference keys that the core lets through. */
const KEYS = 100;
/** As many kinds as a worker may well have. */
const KINDS = 12;
/** More than this is not asked of any engine. */
const MOST_PAYLOAD_BYTES = 1024 * 1024;

/** Pairs that differ in their last character, in their case, by what follows, or as little as a pattern or a collation sees. */
function pairs(length: number): readonly (readonly [string, string])[] {
  const long = "n".repeat(length - 1);
  return [
    [`${long}1`, `${long}2`],
    [`Name ${long.slice(6)}`, `name ${long.slice(6)}`],
    ["straße", "strasse"],
    ["a", "a "],
    ["é", "e\u0301"],
    ["name", "name\u200b"],
    ["50%", "50% off"],
    ["a_b", "a.b"],
    ["\u{1f363}", "\u{1f37a}"],
    ["1", "01"],
  ];
}

export const longNamesBehaviour: StoreBehaviour = {
  group: "long names",
  tests: {
    "keeps long owners and subjects, and those apart that differ little": async (probe) => {
      const now = await probe.now();
      for (const [index, pair] of pairs(NAME).entries()) {
        for (const [place, name] of pair.entries())
          await probe.given(
            sampleJob({ id: `job-${String(index)}-${String(place)}`, owner: name, subject: name }, now),
          );
        for (const [place, name] of pair.entries()) {
          const id = `job-${String(index)}-${String(place)}`;
          const { record } = await probe.read(id);
          assert.deepEqual([record.owner, record.subject], [name, name]);
          for (const filter of [{ owner: name }, { subject: name }])
            assert.deepEqual(
              (await probe.list(filter)).jobs.map((job) => job.record.id),
              [id],
              `a list by ${Object.keys(filter).join()} tells ${JSON.stringify(name.slice(-9))} apart`,
            );
        }
      }
    },

    "keeps scopes apart that differ little": async (probe) => {
      const now = await probe.now();
      for (const [index, pair] of pairs(NAME).entries()) {
        for (const [place, text] of pair.entries()) {
          const record = sampleJob(
            { id: underScope(`job-${String(index)}-${String(place)}`), scope: `sc${text}` },
            now,
          );
          assert.deepEqual(
            await probe.create({ record, input: "{}" }),
            [{ status: "created" }],
            `the scope sc${text.slice(-9)} is free`,
          );
        }
      }
    },

    "keeps tokens apart that differ little, in every call that names one": async (probe) => {
      for (const [index, [token, other]] of pairs(NAME).entries()) {
        const id = `job-${String(index)}`;
        const { record } = await probe.processing({ id }, { token });
        refused(await probe.write(sampleWrite(record, { guard: { token: other } })));
        refused(await probe.beat({ id, token: other, leaseMs: 60_000 }));
        refused(await probe.claim({ id, token: other }));
        if (probe.store.capabilities.queue)
          assert.deepEqual(
            await probe.claimNext({ token: other }),
            [],
            `"what it holds already": ${JSON.stringify(other.slice(-9))} holds nothing`,
          );
        accepted(await probe.beat({ id, token, leaseMs: 60_000 }));
      }
    },

    "finds jobs by long reference keys, and keeps those apart that differ little": async (probe) => {
      for (const [index, [key, other]] of pairs(KEY).entries()) {
        await probe.awaiting({ id: `one-${String(index)}` }, [key]);
        await probe.awaiting({ id: `other-${String(index)}` }, [other]);
        await probe.indexed();
        const { jobs } = await probe.store.byRef({ ...probe.at, kind: "sample.work", refKey: key });
        assert.equal(
          only(jobs).record.id,
          `one-${String(index)}`,
          `"with this key": ${JSON.stringify(key.slice(-9))}`,
        );
      }
    },

    "finds a job by each of as many reference keys as there may be": async (probe) => {
      const keys = Array.from({ length: KEYS }, (_, index) => `key-${String(index)}`);
      await probe.awaiting({ id: "job-1" }, keys);
      await probe.indexed();
      for (const refKey of keys) {
        const { jobs } = await probe.store.byRef({ ...probe.at, kind: "sample.work", refKey });
        assert.deepEqual(
          jobs.map(({ record }) => record.id),
          ["job-1"],
          `"Jobs of a kind that await external work with this key": ${refKey} of ${String(KEYS)}`,
        );
      }
    },

    "looks at every kind of many, in a claim and in a list": async (probe) => {
      const now = await probe.now();
      const kinds = Array.from({ length: KINDS }, (_, index) => `${"kind.".repeat(20)}${String(index)}`);
      for (const [index, kind] of kinds.entries())
        await probe.given(
          sampleReadyJob({ id: `job-${String(index)}`, kind, readyAt: now - 50 + index }, now),
        );
      assert.equal((await probe.list({ kinds })).jobs.length, KINDS, "a list of twelve kinds");
      if (probe.isNoQueue) return;
      const next = {
        kinds: kinds.map((kind, index) => ({ kind, leaseMs: 60_000 + index })),
        limit: Math.min(KINDS, probe.store.capabilities.maxBatch),
      };
      assert.deepEqual(
        (await probe.claimNext(next)).map(({ record }) => record.kind),
        kinds.slice(0, next.limit),
        "oldest first, of every kind",
      );
    },

    "keeps kinds apart that differ little": async (probe) => {
      if (probe.isNoQueue) return;
      const now = await probe.now();
      for (const [index, pair] of pairs(NAME).entries()) {
        for (const [place, kind] of pair.entries())
          await probe.given(sampleReadyJob({ id: `job-${String(index)}-${String(place)}`, kind }, now));
        const [kind] = pair;
        const job = only(
          await probe.claimNext({ kinds: [{ kind, leaseMs: 1_000 }], token: `token-${String(index)}` }),
        );
        assert.equal(job.record.id, `job-${String(index)}-0`);
      }
    },

    "keeps an input and an output as large as it declares": async (probe) => {
      const bytes = Math.min(MOST_PAYLOAD_BYTES, probe.store.capabilities.maxPayloadBytes);
      const text = `"${"x".repeat(bytes - 4)}é"`;
      await probe.given(sampleJob({ id: "job-1" }, await probe.now()), text);
      const { record, input } = claimed(await probe.claim({ id: "job-1" }));
      assert.ok(
        input === text,
        `an input of ${String(bytes)} bytes came back as ${String(input?.length)} characters of ${String(text.length)}`,
      );
      accepted(await probe.write(sampleWrite(record, { edges: ["T5"], patch: SAMPLE_END, output: text })));
      const { output } = await probe.read("job-1", { output: true });
      assert.ok(
        output === text,
        `an output of ${String(bytes)} bytes came back as ${String(output?.length)} characters of ${String(text.length)}`,
      );
    },

    "keeps every part of a document as large as the core lets it be, all at once": async (probe) => {
      const now = await probe.now();
      const text = (bytes: number): string => "é漢x".repeat(Math.floor(bytes / 6)).padEnd(1, "x");
      const long = "é".repeat(1_999) + "!";
      const given = await probe.given(
        sampleQueuedJob(
          { id: "job-1", notifiers: ["ui"], metadata: { text: text(8_000) }, inputHash: "f".repeat(64) },
          now,
        ),
      );
      assert.deepEqual((await probe.read("job-1")).record, given, "metadata of 8 KB");
      const worker = `${"w".repeat(255)}!`;
      const { record } = claimed(await probe.claim({ id: "job-1" }, sampleTerms({ worker })));
      assert.equal(record.worker, worker, "a worker's name of 256 characters");
      const patch = {
        phase: `${"p".repeat(127)}!`,
        progress: { text: text(32_000) },
        checkpoint: { text: text(64_000) },
        lastError: { message: long, code: `${"E".repeat(127)}!`, expose: true, at: now, attempt: 1 },
        cancel: { at: now, actor: `${"a".repeat(255)}!`, reason: long },
        failure: {
          ...({ reason: "error", message: long, code: null, expose: true, retryable: true } as const),
          details: { text: text(4_000) },
        },
      };
      accepted(await probe.write(sampleWrite(record, { edges: ["phase"], text: long, patch })));
      const { history, ...stored } = (await probe.read("job-1")).record;
      assert.equal(decodeHistory(history).at(-1)?.text, long, "a message of 2,000 characters");
      const { history: _, ...before } = record;
      assert.deepEqual(
        stored,
        { ...before, ...patch, version: record.version + 1 },
        "and all others beside it",
      );
      const ui = { ...START, upTo: 1, attempts: 1, reason: `${"é".repeat(199)}!` };
      accepted(await probe.advance({ id: "job-1", wakeAt: record.wakeAt, cursors: { ui } }));
      assert.deepEqual((await probe.read("job-1")).cursors, { ui }, "a reason of 200 characters");
    },

    "counts on over the hours in which clocks are set back, and forward": async (probe) => {
      // 2025-10-26 02:30 in Berlin comes twice and 2026-03-29 02:30 never: of Unix time each hour comes once.
      for (const at of [Date.UTC(2025, 9, 26, 0, 30), Date.UTC(2026, 2, 29, 0, 30)]) {
        const id = `job-${String(at)}`;
        const { record } = await probe.processing({ id }, { token: `token of ${id}` });
        const instants = {
          etaAt: at,
          startedAt: at + 3_600_000,
          queuedAt: at + 1_800_000,
          finishedAt: at + 5_400_000,
        };
        accepted(await probe.write(sampleWrite(record, { patch: instants })));
        const { etaAt, startedAt, queuedAt, finishedAt } = (await probe.read(id)).record;
        assert.deepEqual(
          { etaAt, startedAt, queuedAt, finishedAt },
          instants,
          "instants are whole milliseconds of Unix time",
        );
      }
    },
  },
};
