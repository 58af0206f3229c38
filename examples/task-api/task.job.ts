import { defineJob } from "waybill";
import { z } from "zod";

/** What clients may send. */
const TASK_INPUT = z.object({
  taskId: z.number().int(),
  title: z.string().trim().min(1).max(200),
  description: z.string().max(2_000).nullable().default(null),
});

export const task = defineJob({
  kind: "task",
  input: TASK_INPUT,
  output: z.object({ title: z.string(), processedAt: z.string(), description: z.string().nullable() }),
  subject: ({ taskId }) => `task:${String(taskId)}`,
  // The words that the table's readers know, in lower case.
  words: {
    PENDING: "pending",
    QUEUED: "pending",
    PROCESSING: "processing",
    COMPLETED: "completed",
    FAILED: "failed",
  },
  // A task takes seconds at most; a function that died with one is found out soon.
  leaseMs: 3_000,
  retry: { maxAttempts: 5, baseMs: 500, capMs: 2_000 },
});

/** What becomes of a task. */
export function resultOf(
  { title, description }: { readonly title: string; readonly description: string | null },
  now: Date,
): { title: string; processedAt: string; description: string | null } {
  return { title, processedAt: now.toISOString(), description };
}

/** How long a task takes. */
const TASK_MS = Number(process.env["TASK_MS"] ?? 500);

export const processTask = task.handle(async ({ input }) => {
  await new Promise((resolve) => setTimeout(resolve, TASK_MS));
  return resultOf(input, new Date());
});
