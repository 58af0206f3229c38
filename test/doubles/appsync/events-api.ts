import { identify, type Keys, type Presented } from "./authorize.js";
import { errorReply, faultReply, parseJson, type Reply } from "./exchange.js";
import type { Faults, Push } from "./faults.js";
import type { Handled } from "./graphql-api.js";
import type { AcceptedLog } from "./log.js";

export interface EventsApiOptions {
  readonly keys: Keys;
  readonly faults: Faults;
  readonly log: AcceptedLog;
  readonly namespaces: readonly string[];
}

export interface ChannelSubscription {
  readonly channel: string;
  tell(event: string): void;
}

const SEGMENT = /^[A-Za-z0-9](?:[A-Za-z0-9-]{0,48}[A-Za-z0-9])?$/;
const MOST_EVENT_BYTES = 240_000;

/** An Events API of AppSync whose namespaces have no handlers: what is authorised may publish and subscribe. */
export class EventsApi {
  readonly #options: EventsApiOptions;
  readonly #subscriptions = new Set<ChannelSubscription>();

  constructor(options: EventsApiOptions) {
    this.#options = options;
  }

  /** A request to `/event`. */
  handle(presented: Presented): Handled {
    const identity = identify(this.#options.keys, presented);
    if (typeof identity === "string") {
      return sent(
        errorReply(identity === "UnauthorizedException" ? 401 : 403, identity, "You are not authorized."),
      );
    }
    const body = (parseJson(presented.body) ?? {}) as {
      readonly channel?: unknown;
      readonly events?: unknown;
    };
    const wrong = this.#wrongWith(body);
    if (wrong !== null) return sent(wrong);
    const { channel, events } = body as { readonly channel: string; readonly events: readonly string[] };
    const pushes = events.map((text) => JSON.parse(text) as Push);
    const fault = this.#options.faults.ofRequest(pushes);
    if (fault !== null && fault !== "lost_reply") return sent(faultReply(fault));
    return {
      reply: { status: 200, body: this.#publish(channel, events, pushes) },
      cut: fault === "lost_reply",
    };
  }

  /** Authorises a subscription and starts it; a text: the name of the error with which it is refused. */
  subscribe(
    channel: unknown,
    presented: Presented,
    tell: ChannelSubscription["tell"],
  ): ChannelSubscription | string {
    const identity = identify(this.#options.keys, presented);
    if (typeof identity === "string") return identity;
    if (typeof channel !== "string" || this.#wrongChannel(channel.replace(/\/\*$/, "")))
      return "BadRequestException";
    const subscription: ChannelSubscription = { channel, tell };
    this.#subscriptions.add(subscription);
    return subscription;
  }

  unsubscribe(subscription: ChannelSubscription): void {
    this.#subscriptions.delete(subscription);
  }

  #publish(channel: string, events: readonly string[], pushes: readonly Push[]): object {
    const successful: object[] = [];
    const failed: object[] = [];
    for (const [index, push] of pushes.entries()) {
      const fault = this.#options.faults.ofPush(push);
      const entry = { identifier: crypto.randomUUID(), index };
      if (fault === "failed") failed.push(entry);
      // An event that a namespace's handler does not return is in neither list.
      if (fault !== null) continue;
      successful.push(entry);
      this.#tell(channel, events[index] ?? "", push);
    }
    return { successful, failed };
  }

  #tell(channel: string, event: string, push: Push): void {
    this.#options.log.add({ api: "events", channel, push, at: Date.now() });
    this.#options.faults.accepted();
    for (const subscription of this.#subscriptions) {
      const prefix = subscription.channel.endsWith("/*") ? subscription.channel.slice(0, -1) : null;
      if (prefix === null ? channel === subscription.channel : channel.startsWith(prefix))
        subscription.tell(event);
    }
  }

  #wrongWith({ channel, events }: { readonly channel?: unknown; readonly events?: unknown }): Reply | null {
    if (typeof channel !== "string" || this.#wrongChannel(channel)) return bad("Invalid channel");
    if (!Array.isArray(events) || events.length < 1 || events.length > 5)
      return bad("1 to 5 events are allowed");
    if (!events.every((event) => typeof event === "string" && parseJson(event) !== undefined))
      return bad("No JSON");
    const isTooLarge = (event: string): boolean => Buffer.byteLength(event) > MOST_EVENT_BYTES;
    return events.some(isTooLarge) ? bad("Event too large") : null;
  }

  #wrongChannel(channel: string): boolean {
    const segments = channel.replace(/^\//, "").split("/");
    const isKnown = this.#options.namespaces.includes(segments[0] ?? "");
    return !isKnown || segments.length > 5 || !segments.every((segment) => SEGMENT.test(segment));
  }
}

function bad(message: string): Reply {
  return errorReply(400, "BadRequestException", message);
}

function sent(reply: Reply | null): Handled {
  return { reply, cut: false };
}
