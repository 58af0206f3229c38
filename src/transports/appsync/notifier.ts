import type { ServerEvent } from "../../core/job/event.js";
import { checkNotifierOptions } from "../../core/ports/notifier-options.js";
import type { Notifier, PublishContext, PublishResult } from "../../core/ports/notifier.js";
import {
  extendedUpdateOf,
  fitUpdate,
  mutationBody,
  updateOf,
  wholeSeconds,
  type AppSyncExtendedUpdate,
  type AppSyncUpdate,
} from "../../core/wire/appsync/appsync.js";
import { jsonBytes, MOST_PUSH_BYTES, MOST_REQUEST_BYTES } from "../../core/wire/appsync/appsync-size.js";
import { DEFAULT_TIMEOUT_MS, GRACE_MS, withDeadline } from "./deadline.js";
import { Endpoint, orAborted } from "./endpoint.js";
import { isFailure, rejected, retry, type Failure } from "./failure.js";
import { mutationAnswerOf, type MutationAnswer } from "./graphql-answer.js";
import { checkFunction, checkName, invalid, type AppSyncNotifierOptions } from "./options.js";
import { inRounds, inRuns, type RoundAnswer } from "./rounds.js";
import { DEFAULT_MUTATION } from "./schema.js";

/** The events that a reader of a status is told by default: every change of status but the first, which nobody waits for. */
const DEFAULT_EVENTS = ["job.queued", "job.started", "job.retrying", "job.completed", "job.failed"] as const;

/** Most updates in one request, each with its alias: they run one after the other, and AppSync gives a request 30 s. */
const MOST_ALIASES = 10;

/** Room for what stands around an update on its way to a subscriber: `{"data":{"onJobUpdate":…}}` and the frame. */
const FRAME_BYTES = 1_000;

/** An update that belongs to no job. */
export interface AppSyncMessage {
  readonly id: string;
  readonly action: string;
  readonly status: string;
  readonly message?: string | undefined;
  /** @default null: only subscribers without a filter get it */
  readonly userEmail?: string | null | undefined;
  /** @default now */
  readonly at?: Date | undefined;
}

/** A notifier that tells status changes through a GraphQL API of AppSync. */
export interface AppSyncNotifier<K extends string = string> extends Notifier<K> {
  /**
   * Tells something that is no change of a job, such as that a message could not be read. One try, at most `timeoutMs`;
   * nothing is stored: what is not `delivered` is not told by anybody later.
   */
  send(message: AppSyncMessage): Promise<PublishResult>;
}

/**
 * Makes a notifier that calls a mutation of an AppSync GraphQL API for each change, so that AppSync tells the subscribers.
 *
 * Delivered means: AppSync ran the mutation. Who was not subscribed at that moment is told nothing, since AppSync repeats
 * nothing: a reader subscribes, waits for `start_ack`, and then reads the job once. An update may come twice; with
 * `fields: "extended"` a reader keeps the one with the higher `version` per `jobId`.
 *
 * Events of one job go one after the other, those of several jobs in one request, at most 10. Answers `retry` to what is
 * mended outside (network, 401, 403, 404, 5xx, schema and resolver errors), `held` to 429 and throttling, `rejected` only to
 * an update that the schema or the resolver refuses, or whose names alone exceed AppSync's 240 KB.
 *
 * @throws {WaybillError} `config.invalid`: an option is unknown or unusable
 */
export function appsyncNotifier<const K extends string = string>(
  options: AppSyncNotifierOptions<K>,
): AppSyncNotifier<K> {
  return new GraphQlNotifier(options);
}

const KNOWN = ["endpoint", "auth", "userEmail", "id", "action", "fields", "mutation"];

class GraphQlNotifier<K extends string> implements AppSyncNotifier<K> {
  readonly kinds: Notifier<K>["kinds"];
  readonly on: Notifier<K>["on"];
  readonly giveUpAfterMs: Notifier<K>["giveUpAfterMs"];
  readonly timeoutMs: number;
  readonly maxBatch = 20;
  readonly #ownMs: number;
  readonly #endpoint: Endpoint;
  readonly #mutation: string;
  readonly #extended: boolean;
  readonly #id: (event: ServerEvent) => string;
  readonly #action: (event: ServerEvent) => string;
  readonly #userEmail: (event: ServerEvent) => string | null;

  constructor(options: AppSyncNotifierOptions<K>) {
    checkNotifierOptions("appsyncNotifier", options, KNOWN);
    const { fields = "basic", mutation = DEFAULT_MUTATION, id, action, userEmail } = options;
    this.#endpoint = new Endpoint("appsyncNotifier", options.endpoint, "/graphql", options.auth);
    this.#mutation = checkName("mutation of appsyncNotifier", mutation);
    if (!["basic", "extended"].includes(fields)) {
      throw invalid("fields of appsyncNotifier must be basic or extended.");
    }
    this.#extended = fields === "extended";
    checkFunction("userEmail of appsyncNotifier", userEmail, "Subscribers filter by what it returns.");
    if (id !== undefined) checkFunction("id of appsyncNotifier", id, "Leave it out for subject or job id.");
    if (action !== undefined)
      checkFunction("action of appsyncNotifier", action, "Leave it out for the kind.");
    this.#userEmail = userEmail;
    this.#id = id ?? (({ subject, jobId }) => subject ?? jobId);
    this.#action = action ?? (({ kind }) => kind);
    this.kinds = options.kinds;
    this.on = options.on ?? DEFAULT_EVENTS;
    this.giveUpAfterMs = options.giveUpAfterMs;
    this.#ownMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
    this.timeoutMs = this.#ownMs + GRACE_MS;
  }

  publish(events: readonly ServerEvent[], given: PublishContext): Promise<readonly PublishResult[]> {
    return withDeadline(given.signal, this.#ownMs, (signal) => {
      const context: PublishContext = { signal, view: (jobId) => given.view(jobId) };
      return inRounds(events, (round) => this.#publishRound(round, context));
    });
  }

  async send({
    id,
    action,
    status,
    message = "",
    userEmail = null,
    at = new Date(),
  }: AppSyncMessage): Promise<PublishResult> {
    const six: AppSyncUpdate = { id, action, status, timestamp: wholeSeconds(at), message, userEmail };
    const nothingElse = {
      jobId: null,
      version: null,
      phase: null,
      percent: null,
      progress: null,
      truncated: false,
    };
    const update = fitted(this.#extended ? { ...six, ...nothingElse } : six);
    if (isFailure(update)) return update;
    const signal = AbortSignal.timeout(this.#ownMs);
    const answer = await this.#ask([update], signal);
    return answer.of === "request"
      ? answer.failure
      : (answer.results[0] ?? retry("AppSync gave no answer to it"));
  }

  async #publishRound(round: readonly ServerEvent[], context: PublishContext): Promise<RoundAnswer> {
    const prepared = await Promise.all(round.map((event) => this.#updateOf(event, context)));
    const results: (PublishResult | undefined)[] = [];
    const ready: Ready[] = [];
    for (const [place, update] of prepared.entries()) {
      if (isFailure(update)) results[place] = update;
      else ready.push({ place, update });
    }
    for (const run of inRuns(ready, RUNS)) {
      const stop = await this.#sendRun(run, results, context.signal);
      if (stop !== null) return { results, stop };
    }
    return { results, stop: null };
  }

  /** Puts what came of each update into `results`; returns why the endpoint itself failed, or `null`. */
  async #sendRun(
    run: readonly Ready[],
    results: (PublishResult | undefined)[],
    signal: AbortSignal,
  ): Promise<Failure | null> {
    const answer = await this.#ask(
      run.map(({ update }) => update),
      signal,
    );
    if (answer.of === "updates") {
      for (const [index, { place }] of run.entries()) results[place] = answer.results[index];
      return null;
    }
    if (answer.aboutContent && run.length > 1) {
      // One may be to blame: each goes alone, so that it fails alone.
      for (const one of run) {
        const stop = await this.#sendRun([one], results, signal);
        if (stop !== null) return stop;
      }
      return null;
    }
    for (const { place } of run) results[place] = answer.failure;
    return answer.aboutContent ? null : answer.failure;
  }

  async #ask(updates: readonly AppSyncUpdate[], signal: AbortSignal): Promise<MutationAnswer> {
    const answer = await this.#endpoint.post(mutationBody(this.#mutation, updates), signal);
    if (answer.kind === "body") return mutationAnswerOf(answer.body, updates.length);
    return { of: "request", failure: answer.failure, aboutContent: answer.aboutContent };
  }

  async #updateOf(event: ServerEvent, context: PublishContext): Promise<AppSyncUpdate | Failure> {
    const { signal } = context;
    let update: AppSyncUpdate | AppSyncExtendedUpdate;
    try {
      const source = { id: this.#id(event), action: this.#action(event), userEmail: this.#userEmail(event) };
      update = this.#extended
        ? extendedUpdateOf(event, source, await orAborted(context.view(event.jobId), signal))
        : updateOf(event, source);
    } catch {
      if (signal.aborted) return retry("no answer in time");
      return retry("id, action or userEmail threw, or the job could not be read");
    }
    return fitted(update);
  }
}

/** An update and its place in the round. */
interface Ready {
  readonly place: number;
  readonly update: AppSyncUpdate;
}

const RUNS = {
  most: MOST_ALIASES,
  mostBytes: MOST_REQUEST_BYTES,
  bytesOf: ({ update }: Ready) => jsonBytes(update),
};

function fitted<U extends AppSyncUpdate>(update: U): U | Failure {
  const { id, action, userEmail } = update;
  if (
    typeof id !== "string" ||
    typeof action !== "string" ||
    (userEmail !== null && typeof userEmail !== "string")
  ) {
    return retry("id, action or userEmail is no text");
  }
  const fits = fitUpdate(update, MOST_PUSH_BYTES - FRAME_BYTES);
  return fits ?? rejected("the update is larger than the 240 KB that AppSync takes, whatever is left out");
}
