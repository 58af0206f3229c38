// A job was claimed in more than one step. A check for stalled jobs that came in between stole it from its new worker, and two
// were at it (OptimalBits/bull#308, #356, #370).
import { regression } from "./support/regression.js";
import type { Open } from "./support/system.js";
import { must, Workshop } from "./support/workshop.js";

/** More calls than any claim takes. */
const MOST_CALLS = 20;

/** The repairer and a third worker come while the second is before its n-th call. Whether it came that far, and what was violated. */
async function heldAt(open: Open, n: number): Promise<{ reached: boolean; violations: readonly string[] }> {
  const system = await open();
  const { time, leaseMs } = system;
  const workshop = new Workshop();
  const id = await time.run((await system.process("api")).submit());
  const dead = await system.process("dead");
  dead.work(workshop.open);
  // Long enough for signs of life, which stay behind in the record.
  must(await time.until(() => workshop.by("dead") !== undefined, leaseMs), "the first attempt began");
  await time.pass(leaseMs);
  dead.freeze();
  await time.pass(leaseMs * 1.5);
  const repairer = await system.process("repairer");
  const swept = async (): Promise<boolean> => {
    await time.run(repairer.repair());
    return (await system.truth(id))?.status === "QUEUED";
  };
  must(await time.until(swept, leaseMs), "the job was put back");

  const second = await system.process("second");
  const held = second.link.holdFrom(n);
  second.work(workshop.open);
  await time.until(() => held.reached || workshop.by("second") !== undefined, leaseMs);
  await time.run(repairer.repair());
  (await system.process("third")).work(workshop.open);
  await time.pass(leaseMs / 5);
  held.release();
  await time.pass(leaseMs / 5);
  const began = ["second", "third"].filter((name) => workshop.by(name) !== undefined);
  must(began.length > 0, "somebody took the job");
  return {
    reached: held.reached,
    violations: began.length > 1 ? ["a sweep stole a job that was just claimed"] : [],
  };
}

async function scenario(open: Open): Promise<readonly string[]> {
  const violations: string[] = [];
  for (let n = 1; n <= MOST_CALLS; n += 1) {
    const { reached, violations: found } = await heldAt(open, n);
    violations.push(...found);
    if (!reached) return violations;
  }
  throw new Error("A claim takes no end of calls.");
}

regression("claim-vs-sweep-atomic", { scenario, naive: ["a sweep stole a job that was just claimed"] });
