import { type Clock, sleep } from "../../src/core/environment/clock.js";
import type { HandlerFor } from "../../src/core/api/worker.js";
import { PermanentError, RetryError } from "../../src/core/errors/errors.js";
import type { RunContext } from "../../src/core/handler.js";
import { type Kind, KINDS, type Plan } from "./kinds.js";
import type { Life, Network } from "./network.js";
import type { Outside } from "./outside.js";
import type { World } from "./world.js";

export interface HandlerParts {
  readonly world: World;
  readonly network: Network;
  readonly outside: Outside;
  readonly life: Life;
  readonly clock: Clock;
  /** Claims that are being run, by job and fence. Shared by all lives. */
  readonly running: Set<string>;
  /** Whether the store lost writes of this job: its fences may repeat then. */
  readonly lostWrites: (id: string) => boolean;
}

/** The context of a handler, without the types of its kind: all kinds go by their plan. */
interface Context extends Omit<RunContext, "input" | "job" | "track" | "done"> {
  readonly input: Plan;
  readonly job: { readonly id: string };
  readonly track: (ref: { readonly op: string }) => unknown;
  readonly done: (output: string) => unknown;
}

interface OutsideContext {
  readonly ref: { readonly op: string };
  readonly job: { readonly id: string };
}

/** Handlers of every kind, for one life of a process. */
export function handlersOf(parts: HandlerParts): readonly HandlerFor<Kind>[] {
  return KINDS.map((kind) => {
    const external = kind.kind.startsWith("outside");
    const run = (context: unknown): Promise<unknown> => runPlan(parts, context as Context, external);
    const poll = (context: unknown): Promise<unknown> => lookOutside(parts, context as OutsideContext);
    const cancel = (context: unknown): Promise<void> => cancelOutside(parts, context as OutsideContext);
    const implementation = external ? { run, poll, cancel, pollEveryMs: 3_000, timeoutMs: 120_000 } : { run };
    return kind.handle(implementation as never);
  });
}

async function runPlan(parts: HandlerParts, context: Context, external: boolean): Promise<unknown> {
  const { world, life, running, lostWrites } = parts;
  const claim = `${context.job.id}:${String(context.fence)}`;
  world.trace(`${life.name} runs ${claim}`);
  if (running.has(claim) && !lostWrites(context.job.id)) world.fail("S6", `${claim}: one claim runs twice`);
  running.add(claim);
  try {
    await takeSteps(parts, context);
    return await end(parts, context, external);
  } finally {
    running.delete(claim);
  }
}

async function takeSteps({ clock }: HandlerParts, context: Context): Promise<void> {
  const { input, signal } = context;
  for (const [index, ms] of input.stepsMs.entries()) {
    await sleep(clock, ms, input.deaf ? undefined : signal);
    if (!input.deaf) signal.throwIfAborted();
    context.progress({ done: (index * 7) % 5, total: 5 });
    if (index === 0) context.phase("first");
    if (index === 2) context.phase("second", "goes on");
    if (index === 1 && input.call % 5 === 0) context.warn("slow", "slower than usual");
    if (index === 1 && input.call % 3 === 0) await context.checkpoint({ at: index }).catch(() => undefined);
  }
}

async function end(parts: HandlerParts, context: Context, external: boolean): Promise<unknown> {
  const { input, attempt, job } = context;
  if (attempt <= input.failures) throw new Error(`attempt ${String(attempt)} fails`);
  if (input.ending === "permanent") throw new PermanentError("it never will");
  if (input.ending === "retry") throw new RetryError("not yet", { afterMs: 1_500 });
  const output = `done ${String(input.call)}`;
  if (!external) return output;
  if (input.ending === "done") return context.done(output);
  const key = context.key(`launch-${String(attempt)}`);
  const ref = await reach(parts, "launch", () => parts.outside.launch(key, job.id, input));
  return context.track(ref);
}

async function lookOutside(parts: HandlerParts, { ref }: OutsideContext): Promise<unknown> {
  const seen = await reach(parts, "look", () => parts.outside.look(ref.op));
  return answerOf(seen, ref.op);
}

/** What is seen of outside work, as `poll` and `report` tell it. */
export function answerOf(seen: ReturnType<Outside["look"]>, op: string) {
  switch (seen) {
    case "open":
      return { state: "open", phase: "second", progress: { done: 2, total: 5 } } as const;
    case "done":
      return { state: "done", output: `proof ${op}` } as const;
    case "rerun":
      return { state: "failed", message: "lost outside", rerun: true } as const;
    case "failed":
    case "cancelled":
      return { state: "failed", message: `it ${seen} outside` } as const;
  }
}

async function cancelOutside(parts: HandlerParts, { ref }: OutsideContext): Promise<void> {
  await reach(parts, "cancel", () => {
    parts.outside.cancel(ref.op);
    return null;
  });
}

function reach<T>({ network, life }: HandlerParts, name: string, effect: () => T): Promise<T> {
  return network.call(
    life,
    "outside",
    name,
    () => Promise.resolve(effect()),
    () => {
      throw new Error("The outside did not answer.");
    },
  );
}
