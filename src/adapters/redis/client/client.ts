/**
 * What the store needs of a connection: `Redis` of ioredis (to a server or through Sentinel) and its `Cluster` have it.
 * Named by shape, so that the package imports no driver.
 */
export interface RedisClient extends RedisCommands {
  /**
   * A connection of its own with the same options: for the feed, since one that subscribes can do nothing else, and for
   * scripts while this one is silent.
   */
  duplicate(): RedisSubscriber & RedisCommands;
  /** Only a cluster has it. */
  nodes?(role: "master"): RedisNode[];
}

/** What scripts and hints are sent through. */
export interface RedisCommands {
  /** `end` says that it was closed for good. */
  readonly status: string;
  eval(script: string, keys: number, ...args: string[]): Promise<unknown>;
  evalsha(sha: string, keys: number, ...args: string[]): Promise<unknown>;
  publish(channel: string, message: string): Promise<unknown>;
  wait(replicas: number, timeoutMs: number): Promise<unknown>;
}

/** One server, to ask what it is and how it is configured. */
export interface RedisNode {
  info(...sections: string[]): Promise<string>;
  config(subcommand: "GET", pattern: string): Promise<unknown>;
}

/** A connection that hears messages. */
export interface RedisSubscriber {
  subscribe(channel: string): Promise<unknown>;
  unsubscribe(channel: string): Promise<unknown>;
  on(event: "message", listener: (channel: string, message: string) => void): unknown;
  on(event: "error", listener: (error: Error) => void): unknown;
  on(event: "ready" | "close" | "end", listener: () => void): unknown;
  disconnect(): void;
}
