import { WaybillError } from "../../core/errors/errors.js";
import type { ServerEvent } from "../../core/job/event.js";
import { checkNotifierOptions } from "../../core/ports/notifier-options.js";
import {
  defineNotifier,
  type Notifier,
  type NotifierOptions,
  type PublishContext,
  type PublishResult,
} from "../../core/ports/notifier.js";
import type { PublicView } from "../../core/view/public-view.js";
import { CLOUDEVENTS_CONTENT_TYPE, encodeCloudEvent } from "../../core/wire/rabbitmq-cloudevents.js";
import { encodeFlat } from "../../core/wire/rabbitmq-flat.js";
import { linkOf, type RabbitmqConnection, unlessAborted } from "./link.js";
import { type Publication, type Published, Publisher } from "./publisher.js";
import { ensureExchange } from "./topology.js";

/** Where `rabbitmqNotifier` publishes, under which keys and in which form, beside the options of every notifier. */
export interface RabbitmqNotifierOptions<K extends string = string> extends NotifierOptions<K> {
  /** What `rabbitmqConnection` returned. */
  readonly connection: RabbitmqConnection;
  /** A durable topic exchange, made where there is none. @default "jobs.events" */
  readonly exchange?: string | undefined;
  /** The beginning of the routing key `{name}.status.updated`. @default the kind */
  readonly name?: ((kind: K) => string) | undefined;
  /** `cloudevents`: structured JSON. `flat`: one object of plain fields in snake case. @default "cloudevents" */
  readonly format?: "cloudevents" | "flat" | undefined;
  /**
   * Fields of the application's own for the flat body, such as `{ document_id }`; they replace all but `job_id` and
   * `version`. `view`: the job as it is stored now, which may be newer than the event; `null`: it is gone.
   */
  readonly fields?: ((event: ServerEvent, view: PublicView | null) => object) | undefined;
}

const OPTIONS = ["connection", "exchange", "name", "format", "fields"];
const FORMATS: readonly unknown[] = ["cloudevents", "flat"];
const MOST_BODY_BYTES = 1024 * 1024;
/** A routing key is a short string of AMQP. */
const MOST_KEY_BYTES = 255;
const BLOCKED_MS = 5_000;
const NO_NAME = "the application's name gave no text for the kind";

/**
 * Publishes every event to a topic exchange, confirmed by the broker, with the routing key `{name}.status.updated` and a copy
 * to `{name}.status.{word}`; a queue that both keys are bound to gets it once. In order per job, at least once: consumers apply
 * what has a higher `version` than they have seen. An event that no queue is bound for counts as delivered.
 *
 * @throws {WaybillError} `config.invalid`
 */
export function rabbitmqNotifier<const K extends string = string>(
  options: RabbitmqNotifierOptions<K>,
): Notifier<K> {
  checkNotifierOptions("rabbitmqNotifier", options, OPTIONS);
  return defineNotifier(new RabbitmqNotifier<K>(options));
}

type Encoded =
  | { readonly status: "encoded"; readonly publication: Publication }
  | Exclude<PublishResult, { readonly status: "delivered" }>;

class RabbitmqNotifier<K extends string> implements Notifier<K> {
  readonly kinds: NotifierOptions<K>["kinds"];
  readonly on: NotifierOptions<K>["on"];
  readonly giveUpAfterMs: number | undefined;
  readonly timeoutMs: number | undefined;
  readonly #exchange: string;
  readonly #name: (kind: K) => string;
  readonly #format: "cloudevents" | "flat";
  readonly #fields: RabbitmqNotifierOptions<K>["fields"];
  readonly #publisher: Publisher;

  constructor(options: RabbitmqNotifierOptions<K>) {
    const { exchange = "jobs.events", format = "cloudevents", fields } = options;
    if (!FORMATS.includes(format)) throw invalid('format must be "cloudevents" or "flat"');
    if (fields !== undefined && format !== "flat") throw invalid('fields needs format "flat"');
    if (typeof exchange !== "string" || exchange === "") throw invalid("exchange must be a name");
    if (options.name !== undefined && typeof options.name !== "function")
      throw invalid("name must be a function of the kind");
    this.kinds = options.kinds;
    this.on = options.on;
    this.giveUpAfterMs = options.giveUpAfterMs;
    this.timeoutMs = options.timeoutMs;
    this.#exchange = exchange;
    this.#name = options.name ?? ((kind) => kind);
    this.#format = format;
    this.#fields = fields;
    this.#publisher = new Publisher(linkOf("rabbitmqNotifier", options.connection), (open) =>
      ensureExchange(open, exchange, "topic"),
    );
  }

  async publish(events: readonly ServerEvent[], context: PublishContext): Promise<readonly PublishResult[]> {
    const results = new Map<ServerEvent, PublishResult>();
    await unlessAborted(this.#publishAll(events, context, results), context.signal);
    return events.map((event) => results.get(event) ?? { status: "retry", reason: "it took too long" });
  }

  close(): Promise<void> {
    return this.#publisher.close();
  }

  async #publishAll(
    events: readonly ServerEvent[],
    context: PublishContext,
    results: Map<ServerEvent, PublishResult>,
  ): Promise<void> {
    const failed = new Set<string>();
    for (const wave of wavesOf(events)) {
      const ofWave = wave.map(async (event) => {
        const result: PublishResult = failed.has(event.jobId)
          ? { status: "retry", reason: "an earlier event of the job comes first" }
          : await this.#publishOne(event, context);
        if (result.status !== "delivered") failed.add(event.jobId);
        results.set(event, result);
      });
      await Promise.all(ofWave);
    }
  }

  async #publishOne(event: ServerEvent, context: PublishContext): Promise<PublishResult> {
    const encoded = await this.#encode(event, context);
    if (encoded.status !== "encoded") return encoded;
    // Whoever waited has gone: what is not begun is offered again.
    if (context.signal.aborted) return { status: "retry", reason: "it took too long" };
    return resultOf(await this.#publisher.publish(encoded.publication));
  }

  async #encode(event: ServerEvent, context: PublishContext): Promise<Encoded> {
    let name: string;
    let body: string;
    try {
      // The relay publishes only kinds that were asked for.
      name = this.#name(event.kind as K);
      // A kind that its table forgot: "undefined.status.updated" would count as delivered, and nobody hear it.
      if (typeof name !== "string" || name === "") return { status: "retry", reason: NO_NAME };
      body = await this.#bodyOf(event, context);
    } catch {
      return { status: "retry", reason: "the application's name or fields threw, or are not JSON" };
    }
    const content = Buffer.from(body, "utf8");
    if (content.byteLength > MOST_BODY_BYTES)
      return { status: "rejected", reason: `the body has more than ${MOST_BODY_BYTES} bytes` };
    const routingKey = `${name}.status.updated`;
    const ofWord = `${name}.status.${event.word}`;
    if ([routingKey, ofWord].some((key) => Buffer.byteLength(key) > MOST_KEY_BYTES))
      return { status: "rejected", reason: `the routing key has more than ${MOST_KEY_BYTES} bytes` };
    const publication = { exchange: this.#exchange, routingKey, content, messageId: event.id };
    return { status: "encoded", publication: { ...publication, options: this.#optionsOf(event, ofWord) } };
  }

  async #bodyOf(event: ServerEvent, context: PublishContext): Promise<string> {
    if (this.#format === "cloudevents") return encodeCloudEvent(event);
    const view = await context.view(event.jobId);
    return encodeFlat(event, view, this.#fields?.(event, view) ?? {});
  }

  #optionsOf(event: ServerEvent, ofWord: string): Publication["options"] {
    return {
      CC: [ofWord],
      appId: "waybill",
      contentType: this.#format === "flat" ? "application/json" : CLOUDEVENTS_CONTENT_TYPE,
      headers: { version: event.version },
      persistent: true,
      // Whole seconds, as AMQP has them.
      timestamp: Math.floor(event.at.getTime() / 1_000),
      type: event.type,
    };
  }
}

/** Side by side what is of different jobs; what is of one job waits for the confirmation of the event before it. */
function wavesOf(events: readonly ServerEvent[]): readonly (readonly ServerEvent[])[] {
  const waves: ServerEvent[][] = [];
  const earlier = new Map<string, number>();
  for (const event of events) {
    const place = earlier.get(event.jobId) ?? 0;
    earlier.set(event.jobId, place + 1);
    (waves[place] ??= []).push(event);
  }
  return waves;
}

function resultOf(published: Published): PublishResult {
  switch (published.status) {
    case "confirmed":
      return { status: "delivered" };
    case "blocked":
      return {
        status: "held",
        reason: "the broker is short of memory or disk and takes nothing now",
        afterMs: BLOCKED_MS,
      };
    case "down":
    case "unknown":
      return { status: "retry", reason: published.reason };
  }
}

function invalid(sentence: string): WaybillError {
  return new WaybillError("config.invalid", `rabbitmqNotifier: ${sentence}.`);
}
