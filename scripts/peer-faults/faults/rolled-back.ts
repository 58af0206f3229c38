import { distinct, type Fault, numbers } from "../fault.js";
import type { Stage } from "../stage.js";

const JOBS = 10;
const LIMIT_MS = 20_000;
const SETTLE_MS = 3_000;

interface RolledBack {
  readonly jobs: number;
  readonly takesTransaction: boolean;
  /** Run although the application's transaction was rolled back. */
  readonly ranOfRolledBack: number;
  readonly ranOfCommitted: number;
  readonly [fact: string]: number | boolean;
}

async function run({ side, worker, until, pause }: Stage): Promise<RolledBack> {
  await side.prepare();
  const one = await worker("A", { concurrency: 5, runs: "at once" });
  const within = side.addWithin ?? ((n) => side.add(n));
  for (const n of numbers(JOBS)) await within(n, "rollback");
  for (const n of numbers(JOBS)) await within(JOBS + n, "commit");
  const committed = (): number => distinct(one.begun.filter(({ n }) => n >= JOBS));
  await until(() => committed() === JOBS, LIMIT_MS);
  await pause(SETTLE_MS);
  return {
    jobs: JOBS,
    takesTransaction: side.addWithin !== null,
    ranOfRolledBack: distinct(one.begun.filter(({ n }) => n < JOBS)),
    ranOfCommitted: committed(),
  };
}

export const rolledBack: Fault<RolledBack> = {
  name: "rolled-back",
  title: "The application's transaction rolled back",
  how:
    `${JOBS} jobs are added in transactions of the application that roll back, ${JOBS} in such that commit; where the peer ` +
    "takes no transaction, while one is open.",
  run,
  judge: ({ jobs, takesTransaction, ranOfRolledBack, ranOfCommitted }) => {
    const text = `${ranOfRolledBack} of ${jobs} rolled back ran, ${ranOfCommitted} of ${jobs} committed`;
    if (!takesTransaction) return { verdict: "none", text: `takes no transaction: ${text}` };
    return { verdict: ranOfRolledBack === 0 && ranOfCommitted === jobs ? "holds" : "breaks", text };
  },
};
