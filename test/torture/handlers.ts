import { HandlerAborted, type HandlerFor, PermanentError } from "waybill";
import type { AppendLog } from "./append-log.js";
import type { Effect } from "./effects.js";
import {
  brittle,
  flaky,
  type Plan,
  plain,
  stepwise,
  type TortureKind,
  type TortureOutput,
  tracked,
} from "./kinds.js";
import type { Outside } from "./outside.js";

/** What the handlers of one life of a worker work with. */
export interface HandlerParts {
  readonly life: string;
  readonly effects: AppendLog;
  readonly outside: Outside;
  /** Ends early when the signal aborts. */
  readonly sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
}

/** What all kinds' contexts have in common. */
interface Context {
  readonly input: Plan;
  readonly job: { readonly id: string };
  readonly attempt: number;
  readonly fence: number;
  readonly signal: AbortSignal;
  readonly phase: (name: "working" | "ending") => void;
  readonly progress: (progress: { readonly done: number; readonly total: number }) => void;
  readonly warn: (code: string, message: string) => void;
  readonly checkpoint: (value: number) => Promise<void>;
  readonly lastCheckpoint: unknown;
}

type Note = (what: Effect["what"], more?: Pick<Effect, "said" | "step">) => void;

export function handlersOf(parts: HandlerParts): readonly HandlerFor<TortureKind>[] {
  const output = ({ fence }: Context): TortureOutput => ({ by: "run", life: parts.life, fence });
  const run = (context: Context, keeps = false): Promise<TortureOutput> =>
    attempt(parts, context, keeps, "done", () => output(context));
  return [
    plain.handle((context) => run(context)),
    flaky.handle((context) => run(context)),
    brittle.handle((context) => run(context)),
    stepwise.handle((context) => run(context, true)),
    tracked.handle({
      run: (context) =>
        attempt(parts, context, false, "tracked", () => {
          const operation = parts.outside.launch(context.key("launch"), context.input, parts.life);
          return context.track({ operation });
        }),
      poll: ({ ref, job, fence, attempt }) => {
        const said = parts.outside.look(ref.operation);
        const who = { life: parts.life, jobId: job.id, fence, attempt };
        parts.effects.write({ what: "poll", ...who, at: Date.now(), said } satisfies Effect);
        if (said === "done") return { state: "done", output: { by: "poll", life: parts.life, fence } };
        if (said === "open") return { state: "open", phase: "ending", progress: { done: 1, total: 2 } };
        return { state: "failed", message: `It was seen ${said} outside.` };
      },
      cancel: ({ ref }) => {
        parts.outside.cancel(ref.operation, parts.life);
      },
      pollEveryMs: 300,
      // Longer than any run: what is seen as timed out was given up while nobody looked.
      timeoutMs: 3_600_000,
    }),
  ];
}

/** One run under one claim: whatever it comes to is noted before it is given to the library. */
async function attempt<Value>(
  parts: HandlerParts,
  context: Context,
  keeps: boolean,
  said: "done" | "tracked",
  end: () => Value,
): Promise<Value> {
  const { job, fence, signal } = context;
  const note: Note = (what, more) => {
    const { life } = parts;
    parts.effects.write({
      what,
      life,
      jobId: job.id,
      fence,
      attempt: context.attempt,
      at: Date.now(),
      ...more,
    });
  };
  note("begin", { step: Number(context.lastCheckpoint ?? 0) });
  try {
    await takeSteps(parts, context, keeps, note);
    if (context.attempt <= context.input.failures) throw new Error("It fails, as planned.");
    if (context.input.ending === "permanent") throw new PermanentError("It never will work.");
    const value = end();
    note("end", { said });
    return value;
  } catch (error) {
    const permanent = error instanceof PermanentError;
    // Only what the signal itself threw gives in to it: a store that cannot be reached meanwhile is a failure like others.
    const aborted = signal.aborted && (error === signal.reason || error instanceof HandlerAborted);
    note("end", { said: permanent ? "permanent" : aborted ? "aborted" : "failed" });
    throw error;
  }
}

async function takeSteps(parts: HandlerParts, context: Context, keeps: boolean, note: Note): Promise<void> {
  const { input, signal } = context;
  const total = input.stepsMs.length;
  const from = keeps ? Number(context.lastCheckpoint ?? 0) : 0;
  for (const [index, ms] of input.stepsMs.entries()) {
    if (index < from) continue;
    await parts.sleep(ms, input.deaf ? undefined : signal);
    if (!input.deaf) signal.throwIfAborted();
    context.progress({ done: index + 1, total });
    if (index === 0) context.phase("working");
    if (index === 2) context.warn("long", "It takes one step more.");
    if (!keeps) continue;
    const kept = await context.checkpoint(index + 1).then(
      () => true,
      (error: unknown) => {
        if (input.deaf) return false;
        throw error;
      },
    );
    if (kept) note("checkpoint", { step: index + 1 });
  }
}
