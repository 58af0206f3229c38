// A job that failed while its worker shut down was given back and retried: two hand-overs of one job (sidekiq#4115).
import { regression } from "./support/regression.js";
import type { Open } from "./support/system.js";
import { must, Workshop } from "./support/workshop.js";

/** The work fails so long before (-) or after the shutdown's patience ends. */
async function failingAt(open: Open, offsetMs: number): Promise<readonly string[]> {
  const system = await open({ queue: true });
  const { time, leaseMs, shutdownMs } = system;
  const workshop = new Workshop();
  const id = await time.run((await system.process("api")).submit());
  const leaving = (await system.process("leaving")).work(workshop.open);
  must(await time.until(() => workshop.by("leaving") !== undefined, leaseMs), "the work began");
  const staying = (await system.process("staying")).work(workshop.open);
  const stopped = leaving.stop();
  await time.pass(shutdownMs + offsetMs);
  workshop.by("leaving")?.fail();
  await time.run(stopped);

  const completed = async (): Promise<boolean> => {
    // Each run takes a while: long enough for a second hand-over to be noticed.
    await time.pass(leaseMs / 5);
    for (const one of workshop.running(id)) one.succeed();
    return (await system.truth(id))?.status === "COMPLETED" && system.messages() === 0;
  };
  must(await time.until(completed, leaseMs * 5), "the job was completed in the end");
  const runs = workshop.of(id).filter((one) => one.by === "staying").length;
  const violations: string[] = [];
  if (runs !== 1) violations.push("one shutdown handed a job over twice");
  if (!staying.recorded.includes(id)) violations.push("the outcome of the next run was not recorded");
  return violations;
}

async function scenario(open: Open): Promise<readonly string[]> {
  const violations: string[] = [];
  for (const offsetMs of [-5, -1, 0, 1, 5, 200]) violations.push(...(await failingAt(open, offsetMs)));
  return violations;
}

regression("shutdown-vs-fail-race", { scenario, naive: ["one shutdown handed a job over twice"] });
