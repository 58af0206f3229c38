import type { Pool } from "pg";
import type { TaskWaybill } from "./open-waybill.js";
import { readTasks, type TaskRow } from "./tables.js";
import { task } from "./task.job.js";

export interface Verdict {
  readonly tasks: number;
  /** Jobs that are COMPLETED, with one outcome in their history. */
  readonly completed: number;
  /** Rows that say what their job says. */
  readonly equal: number;
  /** Tasks of which something is not so. */
  readonly wrong: readonly number[];
  readonly isTrue: boolean;
}

/**
 * Asks the store and the table, and remembers nothing of the run. What cannot be read counts as wrong.
 *
 * @param expected - how many tasks the API answered 202 for
 */
export async function judge(
  waybill: Pick<TaskWaybill, "get" | "history">,
  pool: Pool,
  expected: number,
): Promise<Verdict> {
  const rows = await readTasks(pool);
  const judged = await Promise.all(
    rows.map((row) =>
      judgeTask(waybill, row).catch(() => ({ id: row.id, isCompleted: false, isEqual: false })),
    ),
  );
  const wrong = judged.filter(({ isCompleted, isEqual }) => !isCompleted || !isEqual).map(({ id }) => id);
  return {
    tasks: rows.length,
    completed: judged.filter(({ isCompleted }) => isCompleted).length,
    equal: judged.filter(({ isEqual }) => isEqual).length,
    wrong,
    isTrue: rows.length === expected && expected > 0 && wrong.length === 0,
  };
}

async function judgeTask(waybill: Pick<TaskWaybill, "get" | "history">, row: TaskRow) {
  const [job, history] = await Promise.all([waybill.get(task, row.jobId), waybill.history(task, row.jobId)]);
  const outcomes = (history?.events ?? []).filter(
    ({ type }) => type === "job.completed" || type === "job.failed",
  );
  const output = job?.status === "COMPLETED" ? job.output : null;
  return {
    id: row.id,
    isCompleted: job?.status === "COMPLETED" && outcomes.length === 1,
    isEqual:
      row.status === job?.word && JSON.stringify(sorted(row.result)) === JSON.stringify(sorted(output)),
  };
}

/** Postgres keeps the keys of JSON in an order of its own. */
function sorted(value: unknown): unknown {
  return value === null || typeof value !== "object" ? value : Object.entries(value).sort();
}

/** How the rows of the naive build stand. */
export async function countNaive(pool: Pool): Promise<Readonly<Record<string, number>>> {
  return countBy(pool, "naive_tasks");
}

export async function countBy(
  pool: Pool,
  table: "tasks" | "naive_tasks",
): Promise<Readonly<Record<string, number>>> {
  const { rows } = await pool.query<{ status: string; times: number }>(
    `select status, count(*)::int as times from ${table} group by status`,
  );
  return Object.fromEntries(rows.map(({ status, times }) => [status, times]));
}
