// What is shown while both builds run: everything is read from the store, the tables and the queues.
import { GetQueueAttributesCommand, type SQSClient } from "@aws-sdk/client-sqs";
import type { Pool } from "pg";
import type { TaskWaybill } from "./open-waybill.js";
import { readTasks } from "./tables.js";
import { task } from "./task.job.js";
import { countBy, countNaive } from "./verdict.js";

/** How many messages a queue holds: waiting, hidden and delayed. */
async function depth(client: SQSClient, url: string): Promise<number> {
  const { Attributes } = await client.send(
    new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: ["All"] }),
  );
  return (["", "NotVisible", "Delayed"] as const)
    .map((kind) => Number(Attributes?.[`ApproximateNumberOfMessages${kind}`] ?? 0))
    .reduce((sum, number) => sum + number, 0);
}

export interface Rows {
  readonly ours: Readonly<Record<string, number>>;
  readonly theirs: Readonly<Record<string, number>>;
  readonly left: number;
  readonly deadLeft: number;
  readonly theirLeft: number;
}

export interface Queues {
  readonly jobs: string;
  readonly dead: string;
  readonly naive: string;
}

export async function rowsNow(pool: Pool, client: SQSClient, queues: Queues): Promise<Rows> {
  const [ours, theirs, left, deadLeft, theirLeft] = await Promise.all([
    countBy(pool, "tasks"),
    countNaive(pool),
    ...[queues.jobs, queues.dead, queues.naive].map((url) => depth(client, url)),
  ] as const);
  return { ours, theirs, left: left ?? 0, deadLeft: deadLeft ?? 0, theirLeft: theirLeft ?? 0 };
}

/** How many invocations of a function ended well. */
export interface Answers {
  readonly answered: number;
  readonly all: number;
}

export function tableOf(now: Rows, ours: Answers, theirs: Answers): readonly (readonly string[])[] {
  const count = (status: string) => [now.theirs[status] ?? 0, now.ours[status] ?? 0].map(String);
  const open = (rows: Rows["ours"]) => (rows["pending"] ?? 0) + (rows["processing"] ?? 0);
  const answers = ({ answered, all }: Answers) => `${String(answered)} of ${String(all)}`;
  return [
    ["Lambda answered 200", answers(theirs), answers(ours)],
    ["rows pending", ...count("pending")],
    ["rows processing", ...count("processing")],
    ["rows completed", ...count("completed")],
    ["messages left, dead", `${String(now.theirLeft)}, –`, `${String(now.left)}, ${String(now.deadLeft)}`],
    [
      "queue 0, unfinished",
      now.theirLeft === 0 ? String(open(now.theirs)) : "–",
      now.left === 0 ? String(open(now.ours)) : "–",
    ],
  ];
}

/** Two stories: the sixth task, and the one of the second part that took the most attempts. */
export async function stories(
  waybill: Pick<TaskWaybill, "get" | "history">,
  pool: Pool,
  part: number,
): Promise<readonly (readonly string[])[]> {
  const rows = await readTasks(pool);
  const jobs = await Promise.all(rows.map(({ jobId }) => waybill.get(task, jobId)));
  let second = part;
  for (const place of rows.keys())
    if (place >= part && (jobs[place]?.attempt ?? 0) > (jobs[second]?.attempt ?? 0)) second = place;
  return Promise.all(
    [5, second].map(async (place) => {
      const row = rows[place];
      if (row === undefined) return ["task –", "–", "–"];
      const { rows: naive } = await pool.query<{ status: string }>(
        "select status from naive_tasks where id = $1",
        [row.id],
      );
      const history = await waybill.history(task, row.jobId);
      const words = (history?.events ?? []).map(({ word }) => word);
      const changes = words.filter((word, index) => word !== words[index - 1]);
      const attempt = String(jobs[place]?.attempt ?? 0);
      return [
        `task ${String(row.id)}`,
        naive[0]?.status ?? "–",
        `${changes.join(" ")}${attempt === "1" ? "" : `, attempt ${attempt}`}`,
      ];
    }),
  );
}
