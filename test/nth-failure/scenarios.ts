import { encodeMessage } from "../../src/core/job/message.js";
import { answerOf } from "../simulate/handlers.js";
import { outsideQueue, outsideStore, plainFifo, plainQueue, plainStore } from "../simulate/kinds.js";
import type { BenchOptions } from "./bench.js";
import { MAX_RECEIVES } from "./bench.js";
import type { Stage } from "./stage.js";

/** One life of a job, and what may come of it whatever breaks on the way. */
export interface Scenario {
  readonly name: string;
  /** `COMPLETED`, or FAILED with its reason: the first is how it goes when nothing breaks. */
  readonly ends: readonly string[];
  /** How many jobs there are in the end. @default 1 */
  readonly jobs?: number;
  /** Where the caller may have given up before the last was stored. */
  readonly least?: number;
  readonly roles?: BenchOptions["roles"];
  readonly receivers?: BenchOptions["receivers"];
  /** Whether the records go again when they have been kept long enough. */
  readonly purged?: true;
  readonly run: (stage: Stage) => Promise<void>;
}

const ID = "job-1";
const WORKS = { works: true, reconciles: true };
const IDLE = { works: false, reconciles: false };
const DONE = ["COMPLETED"];

const settled = async (stage: Stage): Promise<void> => {
  await stage.until(() => stage.isFinal(ID));
};

/** The job gets as far as this, or to its end, however often it must be begun again. */
const reached = async (stage: Stage, status: string): Promise<void> => {
  await stage.until(() => stage.status(ID) === status || stage.isFinal(ID));
};

const tracking = (stage: Stage): boolean =>
  stage.row(ID)?.record.awaiting !== null && stage.row(ID) !== undefined;

export const SCENARIOS: readonly Scenario[] = [
  {
    name: "completes, the store as queue",
    ends: DONE,
    run: async (stage) => {
      await stage.submit(plainStore);
      await settled(stage);
    },
  },
  {
    name: "completes, through a queue",
    ends: DONE,
    run: async (stage) => {
      await stage.submit(plainQueue);
      await settled(stage);
    },
  },
  {
    name: "completes, through an ordered queue",
    ends: DONE,
    run: async (stage) => {
      await stage.submit(plainFifo);
      await settled(stage);
    },
  },
  {
    name: "one key, submitted by two",
    ends: DONE,
    run: async (stage) => {
      const options = { idempotencyKey: "order-7", owner: "ann" };
      const one = await stage.submit(plainQueue, {}, options);
      stage.second.start(0);
      const two = await stage.submit(plainQueue, {}, options, stage.second);
      if (one.status === "ok" && two.status === "ok" && one.value.id !== two.value.id) {
        stage.bench.world.fail("S17", "one key gave two jobs");
      }
    },
  },
  {
    name: "submitMany",
    ends: DONE,
    jobs: 3,
    run: async (stage) => {
      const input = {
        call: 1,
        stepsMs: [],
        failures: 0,
        ending: "done",
        deaf: false,
        outsideMs: 0,
        outsideEnds: "done",
      } as const;
      const items = [1, 2, 3].map((number) => ({ input, id: `job-${String(number)}` }));
      const results = await stage.look("submitMany", stage.first, (waybill) =>
        waybill.submitMany(plainQueue, items),
      );
      for (const result of results ?? []) {
        if (result.ok) stage.bench.answers.told("submitMany", result.value);
        else if (result.error.code !== "id.taken") {
          // Asked again by another process, an id of the caller's own is taken; nothing else is a reason.
          stage.bench.world.fail("S9", `submitMany refused with ${result.error.code}`);
        }
      }
    },
  },
  {
    name: "fails once, then completes",
    ends: DONE,
    run: async (stage) => {
      await stage.submit(plainStore, { failures: 1 });
      await settled(stage);
    },
  },
  {
    name: "fails once, then completes, through a queue",
    ends: DONE,
    run: async (stage) => {
      await stage.submit(plainQueue, { failures: 1 });
      await settled(stage);
    },
  },
  {
    name: "fails for good",
    ends: ["FAILED:error"],
    run: async (stage) => {
      await stage.submit(plainQueue, { ending: "permanent" });
      await settled(stage);
    },
  },
  {
    name: "uses up its attempts",
    // The last attempt may be lost with its process or its answer.
    ends: ["FAILED:attempts_exhausted", "FAILED:lease_lost"],
    run: async (stage) => {
      await stage.submit(plainStore, { failures: 9 });
      await settled(stage);
    },
  },
  {
    name: "waits for its delay",
    ends: DONE,
    run: async (stage) => {
      await stage.submit(plainStore, {}, { id: ID, delayMs: 3_000 });
      await stage.submit(plainQueue, {}, { id: "job-2", delayMs: 3_000 });
    },
    jobs: 2,
  },
  {
    name: "runs out of time while it runs",
    ends: ["FAILED:deadline_exceeded"],
    run: async (stage) => {
      await stage.submit(plainQueue, { stepsMs: [60_000] }, { id: ID, deadlineMs: 2_500 });
      await settled(stage);
    },
  },
  {
    name: "is cancelled before anybody claims it",
    // A submit that is held up for longer than the delay leaves nothing to cancel.
    ends: ["FAILED:cancelled", "COMPLETED"],
    run: async (stage) => {
      await stage.submit(plainQueue, {}, { id: ID, delayMs: 4_000 });
      await stage.cancel(ID);
    },
  },
  {
    name: "is cancelled by another process while it runs",
    ends: ["FAILED:cancelled", "COMPLETED"],
    run: async (stage) => {
      await stage.submit(plainStore, { stepsMs: [5_000] });
      await reached(stage, "PROCESSING");
      stage.second.start(0);
      await stage.cancel(ID, stage.second);
      await settled(stage);
    },
  },
  {
    name: "is cancelled while it awaits the outside",
    ends: ["FAILED:cancelled", "COMPLETED"],
    run: async (stage) => {
      await stage.submit(outsideStore, { ending: "track", outsideMs: 30_000 });
      await stage.until(() => tracking(stage) || stage.isFinal(ID));
      await stage.cancel(ID);
      await settled(stage);
    },
  },
  {
    name: "is cancelled while it awaits the outside, through a queue",
    ends: ["FAILED:cancelled", "COMPLETED"],
    run: async (stage) => {
      await stage.submit(outsideQueue, { ending: "track", outsideMs: 30_000 });
      await stage.until(() => tracking(stage) || stage.isFinal(ID));
      await stage.cancel(ID);
      await settled(stage);
    },
  },
  {
    name: "tracks, polls, completes",
    ends: DONE,
    run: async (stage) => {
      await stage.submit(outsideStore, { ending: "track", outsideMs: 4_000 });
      await settled(stage);
    },
  },
  {
    name: "tracks, polls, is run again, and fails outside",
    ends: ["FAILED:attempts_exhausted", "FAILED:external_failed", "FAILED:lease_lost"],
    run: async (stage) => {
      await stage.submit(outsideQueue, { ending: "track", outsideMs: 1_000, outsideEnds: "rerun" });
      await settled(stage);
    },
  },
  {
    name: "tracks, the outside reports",
    ends: DONE,
    run: async (stage) => {
      await stage.submit(outsideQueue, { ending: "track", outsideMs: 500 });
      await stage.until(() => tracking(stage) || stage.isFinal(ID));
      await stage.sleep(600);
      const ops = stage.bench.outside.all();
      const op = ops[ops.length - 1] ?? "none";
      await stage.insist(
        "report",
        stage.first,
        (waybill) => waybill.report(outsideQueue, { ref: { op } }, answerOf("done", op)),
        (log) => log.entries.some(({ edge }) => edge === "T5"),
      );
      await settled(stage);
    },
  },
  {
    name: "wakes whoever reconciles by a message",
    ends: ["FAILED:cancelled", "COMPLETED"],
    roles: [{ works: true, reconciles: false }, WORKS],
    run: async (stage) => {
      stage.second.start(0);
      await stage.submit(outsideQueue, { ending: "track", outsideMs: 2_000 });
      await stage.until(() => tracking(stage) || stage.isFinal(ID));
      const body = encodeMessage({
        id: ID,
        kind: "outside.queue",
        dispatch: 1,
        purpose: "wake",
        trace: null,
      });
      await stage.bench.queues["main"]?.send([{ body, delayMs: 0, dedupId: "wake", groupId: ID }]);
      await settled(stage);
    },
  },
  {
    name: "is released at a shutdown, and taken over",
    ends: DONE,
    run: async (stage) => {
      await stage.submit(plainQueue, { stepsMs: [1_500] });
      await reached(stage, "PROCESSING");
      await stage.stop(stage.first);
      stage.second.start(0);
      await settled(stage);
    },
  },
  {
    name: "is released at a shutdown, the store as queue",
    ends: DONE,
    run: async (stage) => {
      await stage.submit(plainStore, { stepsMs: [1_500] });
      await reached(stage, "PROCESSING");
      await stage.stop(stage.first);
      stage.second.start(0);
      await settled(stage);
    },
  },
  {
    name: "outlives its first process",
    ends: DONE,
    run: async (stage) => {
      await stage.submit(plainQueue, { stepsMs: [3_000] });
      await reached(stage, "PROCESSING");
      stage.first.crash();
      stage.second.start(0);
      await settled(stage);
    },
  },
  {
    name: "beats while it runs for long",
    ends: DONE,
    run: async (stage) => {
      await stage.submit(plainQueue, { stepsMs: [7_000] });
      await settled(stage);
    },
  },
  {
    name: "tells phases, progress, a warning and a checkpoint",
    ends: DONE,
    run: async (stage) => {
      await stage.submit(plainStore, { call: 15, stepsMs: [600, 600, 600] });
      await settled(stage);
    },
  },
  {
    name: "two receivers, one fails at first",
    ends: DONE,
    receivers: { ui: { fails: 0, refuses: false }, billing: { fails: 3, refuses: false } },
    run: async (stage) => {
      await stage.submit(plainStore);
      await settled(stage);
    },
  },
  {
    name: "two receivers, one refuses",
    ends: DONE,
    receivers: { ui: { fails: 0, refuses: false }, billing: { fails: 0, refuses: true } },
    run: async (stage) => {
      await stage.submit(plainStore);
      await settled(stage);
    },
  },
  {
    name: "is run again as a new job",
    ends: ["FAILED:error"],
    jobs: 2,
    least: 1,
    run: async (stage) => {
      await stage.submit(plainStore, { ending: "permanent" });
      await settled(stage);
      for (let tries = 0; tries < 25; tries += 1) {
        const answer = await stage.ask(
          "rerun",
          stage.bench.alive(stage.first),
          (waybill, actor) => waybill.rerun(ID, { actor }),
          (log) => log.entries[0]?.edge === "T1",
        );
        // In doubt a caller looks before it asks again; here it lets it be.
        if (answer.status !== "not_applied") return;
        await stage.sleep(400);
      }
    },
  },
  {
    name: "is purged when it was kept long enough",
    ends: DONE,
    purged: true,
    run: async (stage) => {
      await stage.submit(plainStore);
      await settled(stage);
      await stage.until(() => stage.row(ID)?.record.wakeAt === null);
      await stage.stop(stage.first);
      // A process looks for what may go when it starts, and then once a minute.
      const purgeAt = stage.row(ID)?.record.purgeAt ?? 0;
      await stage.sleep(Math.max(0, purgeAt - stage.bench.world.now) + 50);
      stage.second.start(0);
      await stage.until(() => stage.row(ID) === undefined, 180_000);
    },
  },
  {
    name: "comes back from the dead letters",
    ends: ["COMPLETED", "FAILED:dead_lettered"],
    roles: [IDLE, WORKS],
    run: async (stage) => {
      await stage.submit(plainQueue);
      const main = stage.bench.queues["main"];
      const signal = new AbortController().signal;
      // A consumer that is none of ours drops the message as often as it takes.
      for (let receives = 0; receives < MAX_RECEIVES; receives += 1) {
        for (const delivery of (await main?.receive({ max: 1, waitMs: 0, signal })) ?? [])
          await delivery.release(0);
      }
      stage.second.start(0);
      await settled(stage);
    },
  },
  {
    name: "a message that nobody can read",
    ends: DONE,
    run: async (stage) => {
      await stage.bench.queues["main"]?.send([{ body: "{not ours", delayMs: 0, dedupId: "x", groupId: "x" }]);
      await stage.submit(plainQueue);
      await settled(stage);
    },
  },
  {
    name: "cron reconciles, a caller waits for the result",
    ends: DONE,
    run: async (stage) => {
      await stage.submit(plainStore, { stepsMs: [300] });
      await stage.look("result", stage.first, (waybill) =>
        waybill.result(plainStore, ID, { timeoutMs: 40_000 }),
      );
      await stage.look("reconcile", stage.first, (waybill) => waybill.reconcile({ budgetMs: 2_000 }));
      await stage.look("flush", stage.first, (waybill) => waybill.flush({ timeoutMs: 2_000 }));
      await stage.look("list", stage.first, (waybill) => waybill.list({ kind: "plain.store" }));
      await stage.look("health", stage.first, (waybill) => waybill.health());
      await stage.look("undelivered", stage.first, (waybill) => waybill.undelivered());
    },
  },
];
