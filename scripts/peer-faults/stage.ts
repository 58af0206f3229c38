import type { Peer, Side } from "./peer.js";

/** What a worker's handlers do. */
export interface Plan {
  readonly concurrency: number;
  /**
   * `held`: they wait to be told to finish; `at once`: they end after `takesMs`; `unstorable`: each answers with what cannot
   * be stored by every engine, by the number of its job.
   */
  readonly runs: "held" | "at once" | "unstorable";
  readonly takesMs?: number;
  /** All that it says to the server, and hears of it, goes through the proxy. */
  readonly proxied?: true;
}

export interface Begun {
  readonly n: number;
  readonly atMs: number;
}

/** A worker in a process of its own. */
export interface Worker {
  /** The runs that it began, in their order. */
  readonly begun: readonly Begun[];
  /** The runs whose handlers have answered. */
  readonly returned: readonly number[];
  readonly hasEnded: boolean;
  /** Lets held handlers answer, those that hold now and those that come. */
  finish(): void;
  /** It stands still, as a stalled process does, until `thaw`. */
  freeze(): void;
  thaw(): void;
  kill(): void;
}

/** One peer on a server of its own, and what a fault can do to it. */
export interface Stage {
  readonly peer: Pick<Peer, "keeps" | "completion">;
  /** This process's end, straight to the server. */
  readonly side: Side;
  /** Another end in this process, through the proxy. */
  readonly proxied: () => Promise<Side>;
  /** @param name - what its outcomes are signed with */
  readonly worker: (name: string, plan: Plan) => Promise<Worker>;
  /** The server runs the next command with this text; its reply comes to `instead`, and to nobody else. */
  readonly loseReply: (text: string, instead: (cut: () => void) => void) => void;
  readonly server: { kill(): Promise<void>; start(): Promise<void> };
  /** Whether it came to be in time. */
  readonly until: (holds: () => boolean | Promise<boolean>, limitMs: number) => Promise<boolean>;
  readonly pause: (ms: number) => Promise<void>;
  readonly nowMs: () => number;
}
