// A worker that failed after its job had been removed wrote half of it back, and the job was run again (OptimalBits/bull#371,
// #91).
import { regression } from "./support/regression.js";
import type { Open } from "./support/system.js";
import { must, Workshop } from "./support/workshop.js";

async function scenario(open: Open): Promise<readonly string[]> {
  const violations: string[] = [];
  for (const ending of ["succeed", "fail"] as const) violations.push(...(await lateEnding(open, ending)));
  return violations;
}

async function lateEnding(open: Open, ending: "succeed" | "fail"): Promise<readonly string[]> {
  const system = await open();
  const { time, leaseMs, retainMs } = system;
  const workshop = new Workshop();
  const id = await time.run((await system.process("api")).submit());
  const late = await system.process("late");
  late.work(workshop.open);
  must(await time.until(() => workshop.by("late") !== undefined, leaseMs), "the work began");
  late.freeze();
  await time.pass(leaseMs * 1.5);
  const repairer = await system.process("repairer");
  const swept = async (): Promise<boolean> => {
    await time.run(repairer.repair());
    return (await system.truth(id))?.status === "QUEUED";
  };
  must(await time.until(swept, leaseMs), "the job was put back");
  (await system.process("second")).work(workshop.quick);
  const completed = async (): Promise<boolean> => (await system.truth(id))?.status === "COMPLETED";
  must(await time.until(completed, leaseMs), "another worker completed the job");
  await time.pass(retainMs * 1.5);
  // A pass removes what is old at most once a minute: another process has not done so yet.
  await time.run((await system.process("janitor")).repair());
  must((await system.truth(id)) === null, "the job was removed");

  const runs = workshop.of(id).length;
  late.thaw();
  workshop.by("late")?.[ending]();
  await time.pass(leaseMs);
  const violations: string[] = [];
  if ((await system.truth(id)) !== null) violations.push("a removed job came back");
  if (workshop.of(id).length > runs) violations.push("a removed job was run again");
  return violations;
}

regression("write-after-delete-is-noop", {
  scenario,
  naive: ["a removed job came back", "a removed job was run again"],
});
