import assert from "node:assert/strict";
import { SAMPLE_END, sampleJob, sampleReadyJob, sampleWrite } from "../../sample-jobs.js";
import type { StoreBehaviour } from "../store-behaviour.js";
import { accepted, claimed, only, refused, underScope } from "../store-probe.js";

/** The longest owner, subject and kind that the core lets through, and the longest reference key. */
const [NAME, KEY] = [256, 80];
/** As many kinds as a worker may well have. */
const KINDS = 12;
/** More than this is not asked of any engine. */
const MOST_PAYLOAD_BYTES = 1024 * 1024;

/** Pairs that differ in their last character, in their case, or by what follows. */
function pairs(length: number): readonly (readonly [string, string])[] {
  const long = "n".repeat(length - 1);
  return [
    [`${long}1`, `${long}2`],
    [`Name ${long.slice(6)}`, `name ${long.slice(6)}`],
    ["straße", "strasse"],
    ["a", "a "],
    ["é", "e\u0301"],
    ["name", "name\u200b"],
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

    "counts on over the hour in which clocks are set back": async (probe) => {
      // 2025-10-26 03:00 in Berlin comes twice, and so does this hour of Unix time in no zone.
      const at = Date.UTC(2025, 9, 26, 0, 30);
      const { record } = await probe.processing({ id: "job-1" });
      const instants = {
        etaAt: at,
        startedAt: at + 3_600_000,
        queuedAt: at + 1_800_000,
        finishedAt: at + 5_400_000,
      };
      accepted(await probe.write(sampleWrite(record, { patch: instants })));
      const { etaAt, startedAt, queuedAt, finishedAt } = (await probe.read("job-1")).record;
      assert.deepEqual({ etaAt, startedAt, queuedAt, finishedAt }, instants);
    },
  },
};
