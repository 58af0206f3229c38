// A worker whose event loop stood still for longer than its lease went on as if nothing had happened, and its outcome took the
// place of that of the worker that had the job by then (taskforcesh/bullmq#3056, #3183, #2969, #1506).
import { regression } from "./support/regression.js";
import type { Open } from "./support/system.js";
import { must, Workshop } from "./support/workshop.js";

async function scenario(open: Open): Promise<readonly string[]> {
  const system = await open();
  const { time, leaseMs } = system;
  const workshop = new Workshop();
  const id = await time.run((await system.process("api")).submit());
  const stalled = await system.process("stalled");
  const losing = stalled.work(workshop.open);
  must(await time.until(() => workshop.by("stalled") !== undefined, leaseMs), "the work began");
  await time.pass(leaseMs);
  stalled.freeze();
  await time.pass(leaseMs * 1.5);
  const repairer = await system.process("repairer");
  const swept = async (): Promise<boolean> => {
    await time.run(repairer.repair());
    return (await system.truth(id))?.status === "QUEUED";
  };
  must(await time.until(swept, leaseMs), "the job was put back");
  const living = (await system.process("living")).work(workshop.open);
  must(await time.until(() => workshop.by("living") !== undefined, leaseMs), "another worker has the job");

  stalled.thaw();
  await time.pass(leaseMs / 10);
  const violations: string[] = [];
  if (workshop.by("stalled")?.signal.aborted !== true)
    violations.push("work without a lease was not told to end");
  workshop.by("stalled")?.succeed();
  await time.pass(leaseMs / 5);
  if (losing.recorded.includes(id) || (await system.truth(id))?.status === "COMPLETED")
    violations.push("the outcome of a lost lease was recorded");
  workshop.by("living")?.succeed();
  await time.until(async () => (await system.truth(id))?.status === "COMPLETED", leaseMs);
  await time.pass(leaseMs / 5);
  if (!living.recorded.includes(id) || (await system.truth(id))?.output !== "by living")
    violations.push("the outcome of the worker that holds the job was not recorded");
  return violations;
}

regression("event-loop-stall-loses-lease-safely", {
  scenario,
  naive: [
    "work without a lease was not told to end",
    "the outcome of a lost lease was recorded",
    "the outcome of the worker that holds the job was not recorded",
  ],
});
