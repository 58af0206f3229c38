import type { PublicView } from "../../core/public-view.js";
import { pathOf } from "../aim.js";
import { errorOf, retryAfterMs } from "../http.js";
import type { LinkHost } from "../link.js";
import type { TransportName } from "../snapshot.js";
import { Timers } from "../timers.js";
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
/** How long the server is asked to hold back its answer. */
const WAIT_S = 20;
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

/**
 * Asks for a topic again and again: for an event stream (`docs/PROTOCOL.md`, section 5; read with `fetch`, which can carry
 * a credential), for an answer that is held back until there is news, or for the state as it is.
 */
export function followOverHttp(topic: Topic, host: LinkHost, name: TransportName): Follower {
  const { clock, random } = host.env;
  const timers = new Timers(clock);
  const isStream = name === "sse";
  const { kind, subject, limit } = topic.aim;
  // The newest about a subject has an address of its own, which answers with the whole view.
  const isLatest = !isStream && limit === 1 && kind !== undefined && subject !== undefined;
  const path = pathOf(topic.aim) + (isLatest ? "&latest" : "");
  const kinds = {
    sse: { accept: "text/event-stream" },
    "long-poll": { prefer: `wait=${WAIT_S}` },
  } as Partial<Record<TransportName, Readonly<Record<string, string>>>>;
  let request = new AbortController();
  let etag: string | null = null;

  function again(ms: number): void {
    if (ms > 0) host.pausing(ms);
    timers.start("ask", ms, () => {
      request.abort();
      const { signal } = (request = new AbortController());
      expect(isStream ? FIRST_MS : ANSWER_MS);
      ask(signal).catch(() => {
        if (!signal.aborted) host.down({ reason: "lost" });
      });
    });
  }

  function expect(ms: number): void {
    timers.start("answer", ms, () => {
      host.down({ reason: "silent" });
    });
  }

  async function ask(signal: AbortSignal): Promise<void> {
    const began = clock.now();
    const asked = topic.ask(0);
    const headers = { ...kinds[name], ...(etag !== null && { "if-none-match": etag }) };
    const answer = await host.http.fetch({ path, headers, signal });
    const { ok, status } = answer;
    const error = ok || status === 304 || status === 404 ? null : await errorOf(answer);
    const body = ok && !isStream ? ((await answer.json()) as PublicView & { readonly items?: PublicView[] }) : null;
    if (signal.aborted) return;
    if (error !== null) {
      const reason = error.code === "access.denied" ? "denied" : error.retryable ? "lost" : "unfit";
      host.down({ reason, error, afterMs: retryAfterMs(answer, 0) });
    } else if (ok && isStream) await read(answer, asked, signal);
    else {
      etag = answer.headers.get("etag") ?? etag;
      timers.cancel("answer");
      host.up();
      // What was held back, or was news: the next question of a long poll is held back in turn.
      const isHeld = name === "long-poll" && ((ok && etag !== null) || clock.now() - began >= HELD_MS);
      again(isHeld ? 0 : retryAfterMs(answer, PAUSE_MS));
      const jobs = body === null ? [] : (body.items ?? [body]);
      host.apply(topic, { ...NO_CHANGES, jobs, snapshot: status !== 304 }, asked, "polling");
    }
  }

  async function read({ body, headers }: Response, asked: Asked, signal: AbortSignal): Promise<void> {
    if (body === null || headers.get("content-type")?.includes("event-stream") !== true) {
      host.down({ reason: "unfit" });
      return;
    }
    timers.start("ask", REREAD_MS * (0.75 + random() / 2), () => {
      again(0);
    });
    for await (const changes of changesOf(body)) {
      if (signal.aborted) return;
      expect(SILENCE_MS);
      host.up();
      if (changes !== null) host.apply(topic, changes, asked, "live");
    }
    // Where it was the end of the job, the host has left the topic by now.
    if (!signal.aborted) host.down({ reason: "lost" });
  }

  again(0);
  return {
    name,
    check() {
      // Whatever a stream still holds after a sleep, an answer that is asked for now is newer.
      again(0);
    },
    stop() {
      timers.cancelAll();
      request.abort();
    },
  };
}
