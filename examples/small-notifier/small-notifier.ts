// A complete notifier: each event becomes an entry of a Redis stream, one stream for each owner.
import { once } from "node:events";
import { defineNotifier, type JobEvent, type Notifier, type PublishResult } from "waybill";

export interface StreamNotifierOptions {
  /** As ioredis has it. */
  readonly client: { xadd(stream: string, ...args: string[]): Promise<string | null> };
  /** The name of a stream is this, a colon and the owner. @default "jobs" */
  readonly prefix?: string;
  /** About so many entries are kept in a stream. @default 10_000 */
  readonly maxLength?: number;
}

export function streamNotifier({
  client,
  prefix = "jobs",
  maxLength = 10_000,
}: StreamNotifierOptions): Notifier {
  const streamOf = ({ owner }: JobEvent): string => `${prefix}:${owner ?? ""}`;

  async function add(event: JobEvent): Promise<PublishResult> {
    // Field by field: what a server's event has beside these (metadata, actor) is not for everybody.
    const { id, type, jobId, kind, version, status, word, message, at } = event;
    const shown = { id, type, jobId, kind, version, status, word, message, at: at.toISOString() };
    const fields = Object.entries(shown).flatMap(([name, value]) => [name, String(value)]);
    try {
      await client.xadd(streamOf(event), "MAXLEN", "~", String(maxLength), "*", ...fields);
      return { status: "delivered" };
    } catch (error) {
      // The first word of a reply is its code; the rest may quote.
      const code = /^[A-Z]+(?= )/.exec(error instanceof Error ? error.message : "")?.[0] ?? "no answer";
      // A server that is full asks to be left alone: that uses up none of the event's time.
      if (code === "OOM") return { status: "held", reason: "the server is full", afterMs: 5_000 };
      return { status: "retry", reason: `XADD: ${code}` };
    }
  }

  return defineNotifier({
    lane: streamOf,
    async publish(events, { signal }) {
      const late: PublishResult = { status: "retry", reason: "no answer in time" };
      const aborted = once(signal, "abort").then(() => late);
      const waiting = new Map<string, PublishResult>();
      const results: PublishResult[] = [];
      for (const event of events) {
        // Nothing of a job overtakes what waits; nothing more is begun when the time is over.
        const before = signal.aborted ? late : waiting.get(event.jobId);
        const result = before ?? (await Promise.race([add(event), aborted]));
        if (result.status !== "delivered") waiting.set(event.jobId, result);
        results.push(result);
      }
      return results;
    },
  });
}
