import type { Link, LinkHost } from "./link.js";
import type { TransportName } from "../snapshot.js";
import type { Topic } from "../topic.js";
import { type Follower, followOverHttp } from "./follower.js";

/** Connections held at once: a browser has six to one origin over HTTP/1.1, and calls need some. The rest is polled. */
const MOST_HELD = 3;

/** Follows each topic by itself, over HTTP. */
export class HttpLink implements Link {
  readonly #host: LinkHost;
  readonly #name: TransportName;
  readonly #followers = new Map<Topic, Follower>();

  constructor(host: LinkHost, name: TransportName) {
    this.#host = host;
    this.#name = name;
  }

  follow(topic: Topic): void {
    if (this.#followers.has(topic)) return;
    this.#followers.set(topic, followOverHttp(topic, this.#host, this.#wayOf(topic)));
  }

  leave(topic: Topic): void {
    this.#end(topic);
    // The connection that is free now is for one that had none.
    for (const [other, { name }] of this.#followers) {
      if (name !== "poll" || this.#wayOf(other) === "poll") continue;
      this.#end(other);
      this.follow(other);
    }
  }

  check(): void {
    for (const follower of this.#followers.values()) follower.check();
  }

  stop(): void {
    for (const follower of this.#followers.values()) follower.stop();
  }

  #end(topic: Topic): void {
    this.#followers.get(topic)?.stop();
    this.#followers.delete(topic);
  }

  #wayOf({ aim }: Topic): TransportName {
    const held = [...this.#followers.values()].filter(({ name }) => name !== "poll").length;
    // A list has no long poll.
    return held < MOST_HELD && (this.#name === "sse" || aim.jobId !== undefined) ? this.#name : "poll";
  }
}
