import { isDeepStrictEqual } from "node:util";
import { memoryStore } from "../../../adapters/memory/store.js";
import { isWaybillError } from "../../../core/errors/errors.js";
import type { AnyStore } from "../../../core/ports/store.js";
import { type Call, decidedAt, inWords, perform, type Reply, shown } from "./call.js";

/** A call and what came of it. `outcome` where it rejected. */
export interface Made {
  readonly call: Call;
  readonly reply: Reply | null;
  readonly outcome: "answered" | "not_applied" | "unknown";
  readonly nowMs: number;
}

/** Makes a call; only an honest `store.unavailable` may come in place of an answer. */
export async function made(store: AnyStore, call: Call, nowMs: number): Promise<Made> {
  try {
    const reply = await perform(store, call, nowMs);
    return { call, reply, outcome: "answered", nowMs: decidedAt(call, reply) };
  } catch (error) {
    if (!isWaybillError(error, "store.unavailable")) throw error;
    return { call, reply: null, outcome: error.outcome === "not_applied" ? "not_applied" : "unknown", nowMs };
  }
}

/** Whether a call may be passed over: it takes what is free, and others were at it. */
function mayFindNothing({ call, reply, outcome }: Made): boolean {
  if (outcome !== "answered") return true;
  if (call.method === "advance") return reply?.results?.[0]?.status === "refused";
  const found = typeof reply?.jobs === "number" ? reply.jobs : (reply?.jobs?.length ?? 0);
  const takes =
    call.method === "takeDue" ||
    call.method === "purge" ||
    (call.method === "claim" && "next" in call.request);
  return takes && found === 0;
}

/** What is looked at when all calls are over. */
export type Look = (store: AnyStore, nowMs: number) => Promise<unknown>;

/** Whether the answers, and what is stored after them, are those of the calls one after the other in some order. */
export async function isSomeOrder(
  given: readonly Made[],
  racing: readonly Made[],
  look: Look,
  found: unknown,
  nowMs: number,
): Promise<boolean> {
  for (const order of ordersOf(racing)) {
    const model = memoryStore();
    for (const { call, nowMs: at } of given) await perform(model, call, at);
    if ((await isExplained(model, order)) && isDeepStrictEqual(await look(model, nowMs), found)) return true;
  }
  return false;
}

interface Step {
  readonly made: Made;
  readonly passed: boolean;
}

async function isExplained(model: AnyStore, order: readonly Step[]): Promise<boolean> {
  for (const { made: one, passed } of order) {
    if (passed) continue;
    const expected = await perform(model, one.call, one.nowMs);
    if (one.reply === null) continue;
    if (!isDeepStrictEqual(shown(one.call, one.reply), shown(one.call, expected))) return false;
  }
  return true;
}

function ordersOf(racing: readonly Made[]): readonly (readonly Step[])[] {
  const [first, ...rest] = racing;
  if (first === undefined) return [[]];
  const choices = first.outcome === "not_applied" ? [true] : mayFindNothing(first) ? [false, true] : [false];
  return ordersOf(rest).flatMap((order) =>
    choices.flatMap((passed) =>
      Array.from({ length: order.length + 1 }, (_, place) => [
        ...order.slice(0, place),
        { made: first, passed },
        ...order.slice(place),
      ]),
    ),
  );
}

/** What was asked at once and what was answered, for people. */
export function saidAtOnce(racing: readonly Made[]): string {
  return racing
    .map(({ call, reply, outcome }) => `${inWords(call)}\n  → ${reply === null ? outcome : answerOf(reply)}`)
    .join("\n");
}

function answerOf({ results, jobs, claimed }: Reply): string {
  const text = JSON.stringify({ results: results?.map(({ status }) => status), jobs, claimed });
  return text.length > 300 ? `${text.slice(0, 300)}…` : text;
}
