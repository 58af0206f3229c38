// The answer of a conditional write was lost. Sent again, by the driver itself, it met its own effect and was reported as a
// conflict with somebody else (aws/aws-sdk-java#2667).
import { regression } from "./support/regression.js";
import type { Open } from "./support/system.js";
import { must, Workshop } from "./support/workshop.js";

/** More calls than any of these takes. */
const MOST_CALLS = 20;

interface Told {
  /** The answer that was to be lost was on the way. */
  readonly reached: boolean;
  readonly violations: readonly string[];
}

async function submitted(open: Open, n: number): Promise<Told> {
  const system = await open();
  const api = await system.process("api");
  const loss = api.link.loseAnswerAt(n);
  const told = await system.time.run(api.submit("order-7").catch(() => null));
  return {
    reached: loss.reached,
    violations: told === null ? ["a submit was refused because of itself"] : [],
  };
}

async function cancelled(open: Open, n: number): Promise<Told> {
  const system = await open();
  const { time } = system;
  const id = await time.run((await system.process("api")).submit());
  const user = await system.process("user");
  const loss = user.link.loseAnswerAt(n);
  // A read that fails is an error, and nothing has happened; what was done must be said.
  const told = await time.run(user.cancel(id).catch(() => null));
  const did = (await system.truth(id))?.status === "FAILED";
  return {
    reached: loss.reached,
    violations: did && told !== "cancelled" ? ["a cancellation was refused because of itself"] : [],
  };
}

async function completed(open: Open, n: number): Promise<Told> {
  const system = await open();
  const { time, leaseMs } = system;
  const id = await time.run((await system.process("api")).submit());
  const process = await system.process("worker");
  const workshop = new Workshop();
  const worker = process.work(workshop.open);
  must(await time.until(() => workshop.of(id).length > 0, leaseMs), "the work began");
  const loss = process.link.loseAnswerAt(n);
  workshop.of(id)[0]?.succeed();
  const done = async (): Promise<boolean> => (await system.truth(id))?.status === "COMPLETED";
  must(await time.until(done, leaseMs), "the outcome was stored");
  await time.until(() => worker.recorded.includes(id), leaseMs);
  return {
    // Later calls look for more work.
    reached: loss.reached && n === 1,
    violations: worker.recorded.includes(id) ? [] : ["a worker took its own outcome for another's"],
  };
}

async function scenario(open: Open): Promise<readonly string[]> {
  const violations: string[] = [];
  for (const story of [submitted, cancelled, completed]) {
    for (let n = 1; n <= MOST_CALLS; n += 1) {
      const told = await story(open, n);
      must(told.reached || n > 1, "an answer was lost");
      violations.push(...told.violations);
      if (!told.reached) break;
    }
  }
  return violations;
}

regression("own-write-conflict-is-success", {
  scenario,
  naive: [
    "a submit was refused because of itself",
    "a cancellation was refused because of itself",
    "a worker took its own outcome for another's",
  ],
});
