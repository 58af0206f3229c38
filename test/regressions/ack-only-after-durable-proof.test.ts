// A message was deleted although nothing had come of its job: the consumer had caught the error and returned as usual
// (bbc/sqs-consumer#145, #315, Netflix/conductor#1092).
import { regression } from "./support/regression.js";
import type { Open } from "./support/system.js";
import { EMBEDDED } from "./support/waybill-build.js";
import { must, Workshop } from "./support/workshop.js";

/** @param cutAt - when the worker loses its store: before it can claim, or with the work done and not yet recorded */
async function withoutStore(open: Open, cutAt: "claim" | "outcome"): Promise<readonly string[]> {
  const system = await open({ queue: true });
  const { time, leaseMs } = system;
  const api = await system.process("api");
  const process = await system.process("worker");
  const workshop = new Workshop();
  if (cutAt === "claim") process.link.cut();
  process.work(workshop.open);
  const id = await time.run(api.submit());
  if (cutAt === "outcome") {
    must(await time.until(() => workshop.of(id).length === 1, leaseMs), "the work began");
    process.link.cut();
    workshop.of(id)[0]?.succeed();
  }
  // Longer than a worker asks again by itself.
  await time.pass(leaseMs * 2);
  const violations: string[] = [];
  if (system.messages() === 0)
    violations.push(`the message was deleted without proof, store gone before the ${cutAt}`);

  process.link.mend();
  const repairer = await system.process("repairer");
  const done = async (): Promise<boolean> => {
    for (const one of workshop.running(id)) one.succeed();
    await time.run(repairer.repair());
    return (await system.truth(id))?.status === "COMPLETED";
  };
  if (!(await time.until(done, leaseMs * 5)))
    violations.push(`the job was never completed, store gone before the ${cutAt}`);
  return violations;
}

async function scenario(open: Open): Promise<readonly string[]> {
  return [...(await withoutStore(open, "claim")), ...(await withoutStore(open, "outcome"))];
}

regression("ack-only-after-durable-proof", {
  scenario,
  naive: [
    "the message was deleted without proof, store gone before the claim",
    "the job was never completed, store gone before the claim",
    "the message was deleted without proof, store gone before the outcome",
    "the job was never completed, store gone before the outcome",
  ],
  // A message in doubt is given back for 15 s: on a fake clock only.
  builds: EMBEDDED,
});
