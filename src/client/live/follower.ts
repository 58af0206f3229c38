import type { PublicView } from "../../core/view/public-view.js";
import { pathOf } from "../aim.js";
import { errorOf, retryAfterMs } from "../http.js";
import type { LinkHost, Loss } from "./link.js";
import type { TransportName } from "../snapshot.js";
import { Timers } from "./timers.js";
import { type Asked, NO_CHANGES, type Topic } from "../topic.js";
import { changesOf } from "./event-stream.js";

/** Follows one topic over HTTP. */
export interface Follower {
  /** By what: a stream and a long poll hold a connection all the time. */
  readonly name: TransportName;
  check(): void;
  stop(): void;
}

/** Where the server names no pause; also until a job that is not there is asked for again. */
const PAUSE_MS = 5_000;
/**
 * Asks the server to hold back its answer until there is news, 20 s at most. Only beside a tag: without one the cache of a
 * browser may put its own beside it, and what nobody has shown yet would be held back.
 */
const HELD = { prefer: "wait=20" };
/** A long poll that took so long was held back: the next one needs no pause of its own. */
const HELD_MS = 1_000;
/** A poll that nobody answers, nor holds back on purpose, is given up. */
const ANSWER_MS = 35_000;
/** From asking to the first of a stream: a proxy that holds events back is found out before a person gives up. */
const FIRST_MS = 5_000;
/** The server writes a comment into a stream every 15 s. */
const SILENCE_MS = 30_000;
/** Streams are opened anew, spread out: it repairs what was lost on a road that seemed whole. */
const REREAD_MS = 60_000;
/** The status of a request that the server cannot read. */
const MALFORMED = 400;
/** The status of a server that cannot show this job; one that is away, or has too much, answers otherwise. */
const FAULT = 500;

/**
 * Asks for a topic again and again: for an event stream (`docs/PROTOCOL.md`, section 5; read with `fetch`, which can carry
 * a credential), for an answer that is held back until there is news, or for the state as it is.
 */
export function followOverHttp(topic: Topic, host: LinkHost, name: TransportName): Follower {
  const timers = new Timers(host.env.clock);
  const isStream = name === "sse";
  let request = new AbortController();
  let etag: string | null = null;
  const onSilence = host.down.bind(host, { reason: "silent" });
  const now = again.bind(null, 0);

  function again(ms: number): void {
    if (ms > 0) host.pausing(ms);
    timers.start("ask", ms, () => {
      request.abort();
      const { signal } = (request = new AbortController());
      timers.start("answer", isStream ? FIRST_MS : ANSWER_MS, onSilence);
      ask(signal).catch(() => {
        if (!signal.aborted) host.down({ reason: "lost" });
      });
    });
  }

  async function ask(signal: AbortSignal): Promise<void> {
    const began = host.env.clock.now();
    const asked = topic.ask(0);
    const headers = headersOf(name, etag);
    const answer = await host.http.fetch({ path: addressOf(topic, isStream), headers, signal });
    const loss = await lossOf(answer, isStream);
    const jobs = answer.ok && !isStream ? viewsOf(await answer.json()) : [];
    if (signal.aborted) return;
    const error = loss?.error;
    if (error?.status === MALFORMED || error?.status === FAULT) {
      // What is asked for is wrong, or cannot be shown, and not the way: the others go on.
      timers.cancelAll();
      host.up();
      topic.stale(error);
      if (error.retryable) again(PAUSE_MS);
    } else if (loss !== null) host.down(loss);
    else if (answer.ok && isStream) await read(answer, asked, signal);
    else {
      const pause = pauseAfter(answer, name, etag, host.env.clock.now() - began);
      etag = answer.headers.get("etag");
      timers.cancel("answer");
      host.up();
      again(pause);
      host.apply(topic, { ...NO_CHANGES, jobs, snapshot: answer.status !== 304 }, asked, "polling");
    }
  }

  async function read({ body }: Response, asked: Asked, signal: AbortSignal): Promise<void> {
    // Where the device says that it has no network, what is opened may have been on its way: it is asked again soon.
    timers.start("ask", host.env.offline() ? PAUSE_MS : REREAD_MS * (0.75 + host.env.random() / 2), now);
    for await (const changes of changesOf(body as ReadableStream<Uint8Array>)) {
      if (signal.aborted) return;
      timers.start("answer", SILENCE_MS, onSilence);
      host.up();
      if (changes !== null) host.apply(topic, changes, asked, "live");
    }
    // Where it was the end of the job, the host has left the topic by now.
    if (!signal.aborted) host.down({ reason: "lost" });
  }

  function stop(): void {
    timers.cancelAll();
    request.abort();
  }

  now();
  // Whatever a stream still holds after a sleep, an answer that is asked for now is newer.
  return { name, check: now, stop };
}

function headersOf(name: TransportName, etag: string | null): Readonly<Record<string, string>> {
  return {
    ...(name === "sse" && { accept: "text/event-stream" }),
    ...(etag !== null && { "if-none-match": etag, ...(name === "long-poll" && HELD) }),
  };
}

function pauseAfter(answer: Response, name: TransportName, etag: string | null, tookMs: number): number {
  const now = answer.headers.get("etag");
  // What was held back, or was news: the next question of a long poll is held back in turn. Somebody between may rewrite
  // tags, so that the server takes them for none of its own, and holds nothing back of what is no news.
  const isHeld = name === "long-poll" && (tookMs >= HELD_MS || (now !== null && now !== etag));
  return isHeld ? 0 : retryAfterMs(answer, PAUSE_MS);
}

function addressOf({ aim, isList }: Topic, isStream: boolean): string {
  // The newest about a subject has an address of its own, which answers with the whole view.
  const isLatest = !isStream && !isList && aim.jobId === undefined;
  return pathOf(aim) + (isLatest ? "&latest" : "");
}

/** What is wrong with an answer; `null`: nothing, and that there is no such job is an answer too. */
async function lossOf(answer: Response, isStream: boolean): Promise<Loss | null> {
  const { ok, status, headers, body } = answer;
  if (status === 304 || status === 404) return null;
  if (ok) {
    const fits =
      !isStream || (body !== null && headers.get("content-type")?.includes("event-stream") === true);
    return fits ? null : { reason: "unfit" };
  }
  const error = await errorOf(answer);
  const reason = error.code === "access.denied" ? "denied" : error.retryable ? "lost" : "unfit";
  return { reason, error, afterMs: retryAfterMs(answer, 0) };
}

function viewsOf(body: unknown): readonly PublicView[] {
  return (body as { readonly items?: readonly PublicView[] }).items ?? [body as PublicView];
}
