import type { ServerEvent } from "../../core/job/event.js";
import { checkNotifierOptions } from "../../core/ports/notifier-options.js";
import type { Notifier, PublishContext, PublishResult } from "../../core/ports/notifier.js";
import {
  eventBodyOf,
  fitEventBody,
  publishAnswerOf,
  publishBody,
} from "../../core/wire/appsync/appsync-events.js";
import { jsonBytes, MOST_PUSH_BYTES, MOST_REQUEST_BYTES } from "../../core/wire/appsync/appsync-size.js";
import { channelName, checkNamespace } from "./channels.js";
import { DEFAULT_TIMEOUT_MS, GRACE_MS, withDeadline } from "./deadline.js";
import { Endpoint, orAborted } from "./endpoint.js";
import { DELIVERED, isFailure, rejected, retry, type Failure } from "./failure.js";
import { checkFunction, invalid, type AppSyncChannel, type AppSyncEventsNotifierOptions } from "./options.js";
import { inRounds, inRuns, type RoundAnswer } from "./rounds.js";

/** AppSync takes five events in one request. https://docs.aws.amazon.com/appsync/latest/eventapi/publish-http.html */
const MOST_EVENTS = 5;

/** A notifier that publishes to channels of an Events API of AppSync. */
export interface AppSyncEventsNotifier<K extends string = string> extends Notifier<K> {
  /**
   * The full name of a channel, as a reader has to subscribe to it: `/namespace/…`, with parts that are no legal names
   * replaced by their hash.
   *
   * @throws {WaybillError} `config.invalid`: no parts, more than four, or an empty one
   */
  channel(...parts: AppSyncChannel): string;
}

/**
 * Makes a notifier that publishes each event to channels of an AppSync Events API: by default to that of its job and that of
 * its owner.
 *
 * Delivered means: AppSync accepted the event on all its channels. Nothing is repeated for who subscribes later: a reader
 * subscribes, waits for `subscribe_success`, and then reads the job once. An event may come twice, on one channel or on all;
 * a reader keeps what has the higher `version` per `jobId`.
 *
 * Events of one job go one after the other, those of several jobs at once, at most five in a request. Answers `retry` to what
 * is mended outside, `held` to 429 and throttling, `rejected` to an event that is too large whatever is left out, or that the
 * namespace's own handler left out.
 *
 * @throws {WaybillError} `config.invalid`: an option is unknown or unusable
 */
export function appsyncEventsNotifier<const K extends string = string>(
  options: AppSyncEventsNotifierOptions<K>,
): AppSyncEventsNotifier<K> {
  return new EventsNotifier(options);
}

const KNOWN = ["endpoint", "auth", "namespace", "channels", "body"];

/** An event on its way, and its place in the round. */
interface Ready {
  readonly place: number;
  readonly text: string;
  readonly channels: readonly string[];
}

/** What is refused, or accepted, of one event on one channel. */
interface Part {
  readonly place: number;
  readonly text: string;
}

class EventsNotifier<K extends string> implements AppSyncEventsNotifier<K> {
  readonly kinds: Notifier<K>["kinds"];
  readonly on: Notifier<K>["on"];
  readonly giveUpAfterMs: Notifier<K>["giveUpAfterMs"];
  readonly timeoutMs: number;
  readonly maxBatch = MOST_EVENTS;
  readonly #ownMs: number;
  readonly #endpoint: Endpoint;
  readonly #namespace: string;
  readonly #channels: (event: ServerEvent) => readonly AppSyncChannel[];
  readonly #body: NonNullable<AppSyncEventsNotifierOptions["body"]>;

  constructor(options: AppSyncEventsNotifierOptions<K>) {
    checkNotifierOptions("appsyncEventsNotifier", options, KNOWN);
    const { channels = jobAndOwner, body = "thin" } = options;
    this.#endpoint = new Endpoint("appsyncEventsNotifier", options.endpoint, "/event", options.auth);
    this.#namespace = checkNamespace(options.namespace);
    checkFunction(
      "channels of appsyncEventsNotifier",
      channels,
      "It returns the parts of each channel's name.",
    );
    if (body !== "thin" && body !== "view" && typeof body !== "function") {
      throw invalid("body of appsyncEventsNotifier must be thin, view or a function.");
    }
    this.#channels = channels;
    this.#body = body;
    this.kinds = options.kinds;
    this.on = options.on;
    this.giveUpAfterMs = options.giveUpAfterMs;
    this.#ownMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
    this.timeoutMs = this.#ownMs + GRACE_MS;
  }

  channel(...parts: AppSyncChannel): string {
    const name = channelName(this.#namespace, parts);
    if (name === null)
      throw invalid("A channel has one to four parts behind its namespace, none of them empty.");
    return name;
  }

  publish(events: readonly ServerEvent[], given: PublishContext): Promise<readonly PublishResult[]> {
    return withDeadline(given.signal, this.#ownMs, (signal) => {
      const context: PublishContext = { signal, view: (jobId) => given.view(jobId) };
      return inRounds(events, (round) => this.#publishRound(round, context));
    });
  }

  async #publishRound(round: readonly ServerEvent[], context: PublishContext): Promise<RoundAnswer> {
    const results: PublishResult[] = round.map(() => DELIVERED);
    const byChannel = new Map<string, Part[]>();
    const prepared = await Promise.all(round.map((event, place) => this.#prepare(event, place, context)));
    for (const [place, ready] of prepared.entries()) {
      if (isFailure(ready)) results[place] = ready;
      else for (const channel of ready.channels) listAt(byChannel, channel).push({ place, text: ready.text });
    }
    const requests = [...byChannel].flatMap(([channel, parts]) =>
      inRuns(parts, RUNS).map((run) => ({ channel, run })),
    );
    const stops = await Promise.all(
      requests.map(({ channel, run }) => this.#sendRun(channel, run, results, context.signal)),
    );
    return { results, stop: stops.find((stop) => stop !== null) ?? null };
  }

  /** Puts what failed into `results`; returns why the endpoint itself failed, or `null`. */
  async #sendRun(
    channel: string,
    run: readonly Part[],
    results: PublishResult[],
    signal: AbortSignal,
  ): Promise<Failure | null> {
    const body = publishBody(
      channel,
      run.map(({ text }) => text),
    );
    const answer = await this.#endpoint.post(body, signal);
    if (answer.kind === "body") {
      const outcomes = publishAnswerOf(answer.body, run.length);
      for (const [index, { place }] of run.entries())
        note(results, place, OUTCOMES[outcomes?.[index] ?? "unreadable"]);
      return null;
    }
    if (answer.aboutContent && run.length > 1) {
      // One may be to blame: each goes alone, so that it fails alone.
      const stops = await Promise.all(run.map((part) => this.#sendRun(channel, [part], results, signal)));
      return stops.find((stop) => stop !== null) ?? null;
    }
    for (const { place } of run) note(results, place, answer.failure);
    return answer.aboutContent ? null : answer.failure;
  }

  async #prepare(event: ServerEvent, place: number, context: PublishContext): Promise<Ready | Failure> {
    const { signal } = context;
    try {
      const channels = this.#channels(event).map((parts) => channelName(this.#namespace, parts));
      if (!channels.every((name) => name !== null))
        return retry("channels returned no name of one to four parts");
      const text = await orAborted(this.#textOf(event, context), signal);
      if (text === null) return rejected("the event is larger than the 240 KB that AppSync takes");
      return { place, text, channels: [...new Set(channels)] };
    } catch {
      if (signal.aborted) return retry("no answer in time");
      return retry("channels or body threw, body was no JSON, or the job could not be read");
    }
  }

  /** The event as JSON text; `null`: it is too large, whatever is left out. */
  async #textOf(event: ServerEvent, context: PublishContext): Promise<string | null> {
    if (typeof this.#body === "function") {
      const own = await this.#body(event, await context.view(event.jobId));
      const text = JSON.stringify(own) as string | undefined;
      // Not every body is of typed code, and subscribers would be told nothing.
      if (text === undefined) throw new TypeError("The body is no JSON.");
      return jsonBytes(own) <= MOST_PUSH_BYTES ? text : null;
    }
    const view = this.#body === "view" ? await context.view(event.jobId) : undefined;
    const body = fitEventBody(eventBodyOf(event, view), MOST_PUSH_BYTES);
    return body && JSON.stringify(body);
  }
}

const RUNS = {
  most: MOST_EVENTS,
  mostBytes: MOST_REQUEST_BYTES,
  // As text inside JSON, where quotes are escaped.
  bytesOf: ({ text }: Part) => jsonBytes(text),
};

const OUTCOMES = {
  accepted: DELIVERED,
  failed: retry("AppSync did not accept it"),
  left_out: rejected("the namespace's handler left it out"),
  unreadable: retry("the answer does not say what was accepted"),
} as const satisfies Record<string, PublishResult>;

/** How bad a result is: of several channels the worst is that of the event. */
const WEIGHT = { delivered: 0, rejected: 1, held: 2, retry: 3 } as const;

function note(results: PublishResult[], place: number, result: PublishResult): void {
  const known = results[place];
  if (known === undefined || WEIGHT[result.status] > WEIGHT[known.status]) results[place] = result;
}

function jobAndOwner({ jobId, owner }: ServerEvent): readonly AppSyncChannel[] {
  return owner === null || owner === ""
    ? [["job", jobId]]
    : [
        ["job", jobId],
        ["owner", owner],
      ];
}

function listAt<T>(map: Map<string, T[]>, key: string): T[] {
  const list = map.get(key) ?? [];
  map.set(key, list);
  return list;
}
