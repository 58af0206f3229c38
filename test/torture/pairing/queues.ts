import type { TortureQueue } from "./torture-queue.js";

/** By name: a process loads only the queue that it is told to. */
const QUEUES: Readonly<Record<string, () => Promise<TortureQueue>>> = {
  sqs: async () => (await import("./sqs-torture.js")).sqsTorture,
  rabbitmq: async () => (await import("./rabbitmq-torture.js")).rabbitmqTorture,
};

export async function queueNamed(name: string): Promise<TortureQueue> {
  const load = QUEUES[name];
  if (load === undefined) throw new Error(`no queue ${name}: there are ${Object.keys(QUEUES).join(", ")}`);
  return load();
}
