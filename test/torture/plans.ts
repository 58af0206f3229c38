import { brittle, flaky, type Plan, plain, stepwise, type TortureKind, tracked } from "./kinds.js";

/** One job of a run, before it is submitted. */
export interface PlannedJob {
  readonly id: string;
  readonly kind: TortureKind;
  readonly plan: Plan;
  /** From the start of the run. */
  readonly submitAtMs: number;
  readonly delayMs: number;
  /** After it was acknowledged; `null`: nobody cancels it. */
  readonly cancelAfterMs: number | null;
  /** Somebody watches it to its end. */
  readonly watched: boolean;
}

export type Random = () => number;

function between(random: Random, least: number, most: number): number {
  return least + Math.floor(random() * (most - least + 1));
}

/** The jobs of a run, spread over the time of its load: every kill finds some at work. */
export function planJobs(
  random: Random,
  count: number,
  { loadMs, leaseMs }: { readonly loadMs: number; readonly leaseMs: number },
): readonly PlannedJob[] {
  return Array.from({ length: count }, (_, index) => ({
    id: `job-${String(index).padStart(6, "0")}`,
    ...drawKind(random, leaseMs),
    submitAtMs: Math.floor((loadMs * (index + random())) / count),
    delayMs: random() < 0.05 ? between(random, 50, 800) : 0,
    cancelAfterMs: random() < 0.1 ? between(random, 0, 900) : null,
    watched: random() < 0.02,
  }));
}

function drawKind(random: Random, leaseMs: number): Pick<PlannedJob, "kind" | "plan"> {
  const draw = random();
  const plan = drawPlan(random, leaseMs);
  if (draw < 0.4) return { kind: plain, plan };
  if (draw < 0.6) return { kind: flaky, plan: { ...plan, failures: between(random, 1, 3) } };
  if (draw < 0.65) return { kind: brittle, plan: { ...plan, failures: between(random, 2, 4) } };
  if (draw < 0.8) return { kind: stepwise, plan: { ...plan, stepsMs: [...plan.stepsMs, 60, 60] } };
  return { kind: tracked, plan: { ...plan, stepsMs: plan.stepsMs.slice(0, 1) } };
}

function drawPlan(random: Random, leaseMs: number): Plan {
  // Some outlast their lease many times over, and live by their heartbeats.
  const longest = random() < 0.08 ? leaseMs : 300;
  return {
    stepsMs: Array.from({ length: between(random, 1, 3) }, () => between(random, 5, longest)),
    failures: 0,
    ending: random() < 0.05 ? "permanent" : "done",
    deaf: random() < 0.3,
    outsideMs: between(random, 0, 1_500),
    outsideEnds: random() < 0.15 ? "failed" : "done",
  };
}
