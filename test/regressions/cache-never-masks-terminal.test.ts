// A local cache that had seen a job in progress said so for ever (powertools-lambda-typescript#2309).
import { regression } from "./support/regression.js";
import type { Open } from "./support/system.js";
import { must, Workshop } from "./support/workshop.js";

async function scenario(open: Open): Promise<readonly string[]> {
  const system = await open();
  const { time } = system;
  const api = await system.process("api");
  const elsewhere = await system.process("elsewhere");
  const workshop = new Workshop();
  const id = await time.run(api.submit("order-7"));
  elsewhere.work(workshop.open);
  must(await time.until(() => workshop.of(id).length === 1, system.leaseMs), "the work began");
  must((await time.run(api.show(id))) === "PROCESSING", "a user saw the job in progress");

  workshop.of(id)[0]?.succeed();
  const done = async (): Promise<boolean> => (await system.truth(id))?.status === "COMPLETED";
  must(await time.until(done, system.leaseMs), "the job was completed elsewhere");

  const violations: string[] = [];
  if ((await time.run(api.show(id))) !== "COMPLETED")
    violations.push("a completed job was shown in progress");
  const again = await time.run(api.submit("order-7"));
  if (again !== id || (await time.run(api.show(again))) !== "COMPLETED")
    violations.push("a repeated submit was answered with a job in progress");
  await time.pass(system.leaseMs * 2);
  if ((await time.run(api.show(id))) !== "COMPLETED")
    violations.push("a completed job was shown in progress long after");
  return violations;
}

regression("cache-never-masks-terminal", {
  scenario,
  naive: [
    "a completed job was shown in progress",
    "a repeated submit was answered with a job in progress",
    "a completed job was shown in progress long after",
  ],
});
