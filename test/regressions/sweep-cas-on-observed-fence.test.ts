// A sweeper acted on what it had read a moment ago: it put a job back that had been completed meanwhile, or took it from the
// worker that had just begun a fresh attempt (riverqueue/river#1302).
import { regression } from "./support/regression.js";
import type { Open, Process, System } from "./support/system.js";
import { must, Workshop } from "./support/workshop.js";

/** More calls than any pass makes over one job. */
const MOST_CALLS = 20;

interface Stage {
  readonly system: System;
  readonly workshop: Workshop;
  readonly id: string;
  readonly stalled: Process;
}

/** A job whose worker stands still, its lease over. */
async function lapsed(open: Open): Promise<Stage> {
  const system = await open();
  const { time } = system;
  const workshop = new Workshop();
  const id = await time.run((await system.process("api")).submit());
  const stalled = await system.process("stalled");
  stalled.work(workshop.open);
  must(await time.until(() => workshop.by("stalled") !== undefined, system.leaseMs), "the work began");
  await time.pass(system.leaseMs / 2);
  stalled.freeze();
  await time.pass(system.leaseMs * 1.5);
  return { system, workshop, id, stalled };
}

/** A repairer whose pass stops before its n-th call. */
async function repairHeldAt(system: System, n: number) {
  const repairer = await system.process("late repairer");
  const held = repairer.link.holdFrom(n);
  const pass = repairer.repair();
  let over = false;
  const end = (): void => {
    over = true;
  };
  pass.then(end, end);
  await system.time.until(() => held.reached || over, system.leaseMs);
  return { held, pass };
}

/** A pass that is held behind its sweep says nothing: the job was put back in time. */
async function isSwept({ system, id }: Stage): Promise<boolean> {
  return (await system.truth(id))?.status !== "PROCESSING";
}

/** The worker wakes and completes its job; nobody else has begun it. Then the sweep goes on. `null`: it was over by then. */
async function againstOutcome(open: Open, n: number): Promise<readonly string[] | null> {
  const stage = await lapsed(open);
  const { system, workshop, id, stalled } = stage;
  const { time } = system;
  const { held, pass } = await repairHeldAt(system, n);
  if (!held.reached || (await isSwept(stage))) return null;
  stalled.thaw();
  workshop.by("stalled")?.succeed();
  const completed = async (): Promise<boolean> => (await system.truth(id))?.status === "COMPLETED";
  must(await time.until(completed, system.leaseMs), "the worker completed its job");
  held.release();
  await time.run(pass);
  (await system.process("idle")).work(workshop.quick);
  await time.pass(system.leaseMs / 5);
  const violations: string[] = [];
  if ((await system.truth(id))?.output !== "by stalled") violations.push("a sweep undid a recorded outcome");
  if (workshop.of(id).length > 1) violations.push("a completed job was run again");
  return violations;
}

/** Another repairer sweeps, and a worker begins the next attempt. Then the first sweep goes on. */
async function againstFreshClaim(open: Open, n: number): Promise<readonly string[] | null> {
  const stage = await lapsed(open);
  const { system, workshop, id } = stage;
  const { time } = system;
  const { held, pass } = await repairHeldAt(system, n);
  if (!held.reached || (await isSwept(stage))) return null;
  const fresh = await system.process("fresh");
  const working = fresh.work(workshop.open);
  const other = await system.process("other repairer");
  const begun = async (): Promise<boolean> => {
    await time.run(other.repair());
    return workshop.by("fresh") !== undefined;
  };
  must(await time.until(begun, system.leaseMs), "a fresh attempt began");
  (await system.process("idle")).work(workshop.open);
  held.release();
  await time.run(pass);
  await time.pass(system.leaseMs / 5);
  const violations: string[] = [];
  if (workshop.by("idle") !== undefined) violations.push("a sweep took the job from a fresh claim");
  workshop.by("fresh")?.succeed();
  await time.until(() => working.recorded.includes(id), system.leaseMs / 2);
  if (!working.recorded.includes(id)) violations.push("the outcome of the fresh attempt was refused");
  return violations;
}

async function atEveryCall(open: Open, story: typeof againstOutcome): Promise<readonly string[]> {
  const violations: string[] = [];
  for (let n = 1; n <= MOST_CALLS; n += 1) {
    const found = await story(open, n);
    must(found !== null || n > 1, "the sweep made a call");
    if (found === null) break;
    violations.push(...found);
  }
  return violations;
}

/** Side by side, on systems of their own: leases of a real server take their time. */
async function scenario(open: Open): Promise<readonly string[]> {
  const found = [againstOutcome, againstFreshClaim].map((story) => atEveryCall(open, story));
  return (await Promise.all(found)).flat();
}

regression("sweep-cas-on-observed-fence", {
  scenario,
  naive: [
    "a sweep undid a recorded outcome",
    "a completed job was run again",
    "a sweep took the job from a fresh claim",
  ],
});
