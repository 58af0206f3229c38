// Numbers that are said while a job lives: by its handler, by what it is asked about, by a notifier. None is checked before,
// and a store keeps whole milliseconds: whatever is said, the job goes its way and others are not held up.
import { afterEach, describe, expect, it } from "vitest";
import { z } from "zod";
import type { PublishResult } from "../../src/core/ports/notifier.js";
import type { AnyStore } from "../../src/core/ports/store.js";
import { createWaybill, defineJob, RetryError } from "../../src/index.js";
import { recordingLogger } from "../support/engine.js";
import { ENGINES } from "./engines.js";

const work = defineJob({
  kind: "work.do",
  input: z.object({}),
  progress: z.object({ n: z.number() }),
  percent: ({ n }) => n,
  external: z.object({ id: z.string() }),
  retry: { maxAttempts: 3 },
});

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

/** Of each sort one that no store keeps as it is. Small where it is waited for. */
const SAID: readonly number[] = [3.7, -5.5, Number.NaN, Number.NEGATIVE_INFINITY];

/** One job of which all numbers are said as one. */
async function live(open: () => Promise<AnyStore>, said: number): Promise<object> {
  const store = await open();
  closers.push(() => store.close());
  const { logger, lines } = recordingLogger();
  const told: string[] = [];
  const publish = async (events: readonly { readonly id: string }[]): Promise<readonly PublishResult[]> =>
    events.map(({ id }) => {
      const isFirst = !told.includes(id);
      told.push(id);
      return isFirst ? { status: "retry", afterMs: said, reason: "not now" } : { status: "delivered" };
    });
  const waybill = createWaybill({
    jobs: [work],
    store,
    logger,
    notifiers: { ui: { publish } },
    policy: { pollEveryMs: 200, retry: { maxAttempts: 3, baseMs: 1, capMs: 5 } },
  });
  // Of the types only a date; JavaScript gives an instant as often.
  const etaAt = said as unknown as Date;
  let looks = 0;
  const handler = work.handle({
    run: ({ attempt, progress, track }) => {
      progress({ n: said }, { etaAt, allowDecrease: true });
      if (attempt === 1) throw new RetryError("again", { afterMs: said });
      return track({ id: "1" });
    },
    poll: () => {
      looks += 1;
      if (looks > 2) return { state: "done" };
      return { state: "open", nextPollMs: said, etaAt, progress: { n: said } };
    },
  });
  const worker = waybill.worker([handler]);
  const running = worker.run();
  const { id } = await waybill.submit(work, {}).unwrap();
  await waybill.result(work, id, { timeoutMs: 60_000 });
  const job = await waybill.get(work, id);
  await waybill.close();
  await running;
  return { status: job?.status, looks, errors: lines.filter(({ level }) => level === "error") };
}

describe.each(ENGINES)("on $name", ({ isMissing, open }) => {
  it.skipIf(isMissing)(
    "what is said as a fraction, below zero or as no number holds up nothing",
    async () => {
      const lives = await Promise.all(SAID.map((said) => live(open, said)));
      expect(lives).toEqual(SAID.map(() => ({ status: "COMPLETED", looks: 3, errors: [] })));
    },
  );
});
