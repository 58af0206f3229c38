import type { Clock } from "../environment/clock.js";
import type { JobStatus } from "../job/lifecycle.js";
import { isFinal } from "../job/lifecycle.js";
import { nextPart, unwritten } from "../wire/live-changes.js";
import type { JobChanges } from "./changes.js";
import { onAbort } from "./on-abort.js";

/** What a stream needs to know of a view; the rest is written as it is. */
interface StreamedView {
  readonly id: string;
  readonly version: number;
  readonly status: JobStatus;
}

/** What is to be streamed. */
export interface LiveStreamOptions {
  /** The stream of this job, which ends with it; `null`: of a list, which does not end. */
  readonly jobId: string | null;
  /** `Last-Event-ID` as it came; not one of ours is none. */
  readonly lastEventId: string | null;
  /** Begins to observe: the job, or the list, as far as the caller may see it. */
  readonly observe: () => AsyncIterable<JobChanges<StreamedView>>;
  readonly clock: Clock;
  /** Ends the stream: the request's, or the server's that stops. The reader connects anew. */
  readonly signal?: AbortSignal | undefined;
}

const HEADERS = {
  "content-type": "text/event-stream; charset=utf-8",
  // Nobody on the way may hold an event back to make it smaller, or to make more of it.
  "cache-control": "no-cache, no-transform",
  "x-accel-buffering": "no",
  vary: "accept",
};

const RECONNECT_AFTER_MS = 2_000;
const COMMENT_EVERY_MS = 15_000;
/** `7`, or `7.end` after the end. */
const EVENT_ID = /^([0-9]{1,15})(\.end)?$/;

/**
 * Jobs live as server-sent events (`docs/PROTOCOL.md`, §5): web standards only, for any server that takes a `Response`.
 * Nothing is read ahead of the reader: a slow one skips to the newest of each job.
 *
 * @returns 204 for a reader that has seen the end, which stops an EventSource; `null`: there is no such job to be seen
 * @throws what `observe` throws before its snapshot, such as `store.unavailable`
 */
export async function liveStream(options: LiveStreamOptions): Promise<Response | null> {
  const { jobId, lastEventId, observe } = options;
  const [, version, end] = EVENT_ID.exec(lastEventId ?? "") ?? [];
  if (jobId !== null && end !== undefined) return new Response(null, { status: 204 });
  const changes = observe()[Symbol.asyncIterator]();
  const first = await changes.next();
  if (first.done === true) return null;
  if (jobId !== null && first.value.jobs.length === 0) {
    await changes.return?.();
    return null;
  }
  const known = jobId === null ? 0 : Number(version ?? 0);
  const begun: Begun = {
    // A reader may hold more than is stored, where the store has lost writes.
    snapshot: { ...first.value, reset: first.value.jobs.some((job) => job.version < known) },
    version: jobId === null ? null : (first.value.jobs[0]?.version ?? null),
    isOver: isEnd(jobId, first.value),
    changes,
  };
  return new Response(bodyOf(options, begun), { headers: HEADERS });
}

/** An observation whose snapshot is there. */
interface Begun {
  readonly snapshot: JobChanges<StreamedView>;
  /** Of the one job; `null`: of a list. */
  readonly version: number | null;
  /** The one job is final. */
  readonly isOver: boolean;
  readonly changes: AsyncIterator<JobChanges<StreamedView>>;
}

function isEnd(jobId: string | null, { jobs }: JobChanges<StreamedView>): boolean {
  return jobId !== null && jobs.some(({ status }) => isFinal(status));
}

function bodyOf({ jobId, clock, signal }: LiveStreamOptions, begun: Begun): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  const texts = events(jobId, begun);
  let waiting: Promise<IteratorResult<string, void>> | null = null;
  let deaf: () => void = () => undefined;

  const stop = (): void => {
    deaf();
    void begun.changes.return?.();
  };
  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        controller.enqueue(encoder.encode(`retry: ${String(RECONNECT_AFTER_MS)}\n\n`));
        deaf = onAbort(signal, stop);
        if (signal?.aborted === true) stop();
      },
      async pull(controller) {
        waiting ??= texts.next();
        const next = await orComment(clock, waiting);
        if (next === null) {
          controller.enqueue(encoder.encode(": hb\n\n"));
          return;
        }
        waiting = null;
        if (next.done !== true) {
          controller.enqueue(encoder.encode(next.value));
          return;
        }
        stop();
        controller.close();
      },
      cancel: stop,
    },
    { highWaterMark: 1 },
  );
}

/** `null`: nothing came in the time after which a comment is due. */
async function orComment<T>(clock: Clock, waiting: Promise<T>): Promise<T | null> {
  let cancel: () => void = () => undefined;
  const due = new Promise<null>((resolve) => {
    cancel = clock.timer(
      COMMENT_EVERY_MS,
      () => {
        resolve(null);
      },
      true,
    );
  });
  try {
    return await Promise.race([waiting, due]);
  } finally {
    cancel();
  }
}

/** The stream as text, event by event; it ends with the job, or when nothing more can be told: the reader connects anew. */
async function* events(jobId: string | null, begun: Begun): AsyncGenerator<string, void> {
  let { version, isOver } = begun;
  yield* eventsOf(begun.snapshot, version, isOver);
  while (!isOver) {
    const next = await begun.changes.next().catch(() => null);
    if (next === null || next.done === true) return;
    isOver = isEnd(jobId, next.value);
    if (version !== null) version = next.value.jobs[0]?.version ?? version;
    yield* eventsOf(next.value, version, isOver);
  }
  yield "event: complete\ndata: {}\n\n";
}

function* eventsOf(
  changes: JobChanges<StreamedView>,
  version: number | null,
  isLast: boolean,
): Generator<string, void> {
  let rest = unwritten(changes);
  for (;;) {
    const part = nextPart(rest);
    // Only with the last part the reader has all of it.
    const id =
      part.rest === null && version !== null ? `id: ${String(version)}${isLast ? ".end" : ""}\n` : "";
    yield `${id}event: changes\ndata: {${part.members}}\n\n`;
    if (part.rest === null) return;
    rest = part.rest;
  }
}
