// A claim that has no deadline yet was taken for an orphan: the repairer gave the job to a second worker while the first was
// at it (powertools-lambda-typescript#5678, powertools-lambda-python#8386).
import { regression } from "./support/regression.js";
import type { Open } from "./support/system.js";
import { must, Workshop } from "./support/workshop.js";

/** A claim that is as young as can be. */
async function justClaimed(open: Open): Promise<readonly string[]> {
  const system = await open();
  const { time } = system;
  const [api, first, second, repairer] = [
    await system.process("api"),
    await system.process("first"),
    await system.process("second"),
    await system.process("repairer"),
  ];
  const workshop = new Workshop();
  const id = await time.run(api.submit());
  first.work(workshop.open);
  must(await time.until(() => workshop.by("first") !== undefined, system.leaseMs), "the first worker began");
  second.work(workshop.open);

  // No heartbeat has had time to come.
  await time.run(repairer.repair());
  await time.pass(system.leaseMs / 5);
  const violations = workshop.most > 1 ? ["two workers were at one job, and the first was alive"] : [];

  for (const one of workshop.running(id)) one.succeed();
  await time.until(async () => (await system.truth(id))?.status === "COMPLETED", system.leaseMs);
  if ((await system.truth(id))?.status !== "COMPLETED") violations.push("the job was not completed");
  return violations;
}

/** Nobody holds a claim, and nobody should: the work goes on outside. */
async function openOutside(open: Open): Promise<readonly string[]> {
  const system = await open({ external: true });
  const { time, leaseMs } = system;
  const workshop = new Workshop();
  const id = await time.run((await system.process("api")).submit());
  (await system.process("first")).work(workshop.quick);
  (await system.process("second")).work(workshop.quick);
  must(await time.until(() => workshop.of(id).length > 0, leaseMs), "the work was begun outside");
  const repairer = await system.process("repairer");
  for (let lease = 0; lease < 3; lease += 1) {
    await time.pass(leaseMs);
    await time.run(repairer.repair());
  }
  await time.pass(leaseMs / 5);
  const violations = workshop.of(id).length > 1 ? ["work that was open outside was begun again"] : [];
  if ((await system.truth(id))?.status !== "PROCESSING")
    violations.push("work that was open outside had an end");
  return violations;
}

async function scenario(open: Open): Promise<readonly string[]> {
  return [...(await justClaimed(open)), ...(await openOutside(open))];
}

regression("claim-without-deadline-is-not-orphan", {
  scenario,
  naive: [
    "two workers were at one job, and the first was alive",
    "work that was open outside was begun again",
  ],
});
