// Every argument of every method, given what it cannot be: a WaybillError, never what JavaScript happens to say. Options have a
// sweep of their own.
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { isWaybillError } from "../../src/core/errors/errors.js";
import { createWaybill, defineJob, memoryQueue, memoryStore } from "../../src/index.js";
import { fakeClock } from "../../src/testing/fake-clock.js";

const work = defineJob({ kind: "work", input: z.object({ n: z.number() }), output: z.number() });
const own = defineJob({ kind: "own", input: z.object({}), handOver: "own", deadlineMs: 60_000 });
const handler = work.handle(({ input }) => input.n);

const WRONG: Readonly<Record<string, unknown>> = {
  undefined: undefined,
  null: null,
  number: 7,
  text: "text",
  object: {},
  list: [],
  function: () => undefined,
  "list of nothing": [null],
};

const clock = fakeClock();
const waybill = createWaybill({
  jobs: [work, own],
  store: memoryStore(),
  queue: memoryQueue({ clock }),
  clock,
});
const { id } = await clock.runUntil(waybill.submit(work, { n: 1 }).unwrap());
const intake = waybill.intake([handler]);

/** A call of each, as it should be. Those whose one argument is options are left to the sweep of options. */
const CALLS: readonly (readonly [object, string, readonly unknown[]])[] = [
  [waybill, "submit", [work, { n: 1 }]],
  [waybill, "submitMany", [work, [{ input: { n: 1 } }]]],
  [waybill, "cancel", [id]],
  [waybill, "rerun", [work, id]],
  [waybill, "dispatch", [work, id]],
  [waybill, "get", [work, id]],
  [waybill, "history", [work, id]],
  [waybill, "latest", [work, "subject"]],
  [waybill, "watch", [work, id]],
  [waybill, "result", [work, id]],
  [waybill, "claim", [own, id]],
  [waybill, "report", [work, { ref: 1 }, { state: "open" }]],
  [waybill, "on", ["job.created", () => undefined]],
  [waybill, "worker", [[handler]]],
  [waybill, "intake", [[handler]]],
  [intake, "process", [[], { remainingMs: 9 }]],
  [intake, "processDeadLetters", [[], { remainingMs: 9 }]],
  [work, "handle", [() => 1]],
];

type Method = (...args: readonly unknown[]) => unknown;

/** What a call has come to by the time that nothing is left to do at once; what waits for a job is left waiting. */
async function refusal(call: () => unknown): Promise<unknown> {
  let refused: unknown = null;
  const made = (async () => {
    const answer = call();
    if (typeof answer === "object" && answer !== null && Symbol.asyncIterator in answer)
      await (answer as AsyncIterable<unknown>)[Symbol.asyncIterator]().next();
    else await answer;
  })().catch((error: unknown) => {
    refused = error;
  });
  await Promise.race([made, clock.settle()]);
  return refused;
}

describe.each(CALLS.map(([holder, name, args]) => ({ holder, name, args })))(
  "$name",
  ({ holder, name, args }) => {
    it.each(args.map((_, place) => [place]))("argument %i", async (place) => {
      const method = (holder as Readonly<Record<string, Method>>)[name]!;
      for (const [what, value] of Object.entries(WRONG)) {
        const given = args.map((usual, at) => (at === place ? value : usual));
        const error = await refusal(() => Reflect.apply(method, holder, given));
        const isSaid =
          error === null || isWaybillError(error) || (error as { code?: unknown }).code === "config.invalid";
        expect(
          isSaid,
          `${name}: argument ${String(place)} is ${what}: ${error instanceof Error ? error.message : ""}`,
        ).toBe(true);
      }
    });
  },
);
