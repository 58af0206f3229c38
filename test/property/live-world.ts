import { EventEmitter } from "node:events";
import { readFileSync } from "node:fs";
import { compileFunction } from "node:vm";
import type { Clock } from "../../src/core/environment/clock.js";
import type { JobChanges } from "../../src/core/live/changes.js";
import { Connection } from "../../src/transports/websocket/connection.js";
import type { LiveView } from "../../src/transports/websocket/aim.js";
import type { ObserveWorld } from "../unit/observe-world.js";

const PAGE = new URL("../../docs/PROTOCOL.md", import.meta.url);

/** The client of the page, as a reader would copy it. */
export function clientSource(): string {
  const [, source = ""] = /^```js client\n([\s\S]*?)^```$/m.exec(readFileSync(PAGE, "utf8")) ?? [];
  return source;
}

type FollowJobs = (options: {
  readonly url: string;
  readonly filter: object;
  readonly onChange: (room: ReadonlyMap<string, LiveView>) => void;
  readonly onEnd?: (reason: unknown) => void;
  readonly accessToken?: () => Promise<string>;
  readonly WebSocket: unknown;
}) => () => void;

/** The same client, with a clock and a chance of the test's. */
export function followJobs(clock: Clock, random: () => number, source = clientSource()): FollowJobs {
  const body = `${source.replace("export ", "")}; return followJobs;`;
  const make = compileFunction(body, ["setTimeout", "clearTimeout", "Math"]) as (
    ...globals: unknown[]
  ) => FollowJobs;
  const timeout = (run: () => void, ms: number): (() => void) => clock.timer(ms, run);
  const clear = (cancel?: () => void): void => cancel?.();
  return make(timeout, clear, { min: Math.min, random });
}

/** A gateway in this process, with links that a test slows, cuts and stalls. */
export function simulatedGateway(at: ObserveWorld, random: () => number) {
  const sockets = new Set<ServerSocket>();
  const state = { isUp: true, stalled: false, generation: 0 };
  const connections = new Set<Connection>();
  const means = (owner: string) => ({
    clock: at.clock,
    kinds: ["sample.work"],
    observe: (aim: object, known: Readonly<Record<string, number>>) =>
      at.waybill.observe(aim, { known }) as AsyncIterable<JobChanges<LiveView>>,
    authorize: async (token: string) => (token === owner ? { owner } : null),
    admit: () => () => undefined,
  });
  const tick = (): void => {
    for (const connection of connections) connection.tick();
    at.clock.timer(1_000, tick);
  };
  tick();

  /** What the page's client is given as `WebSocket`, for one owner. */
  const socketsOf = (owner: string, heard: (frame: JobChanges<LiveView>) => void) =>
    class {
      readyState = 0;
      onopen: (() => void) | null = null;
      onmessage: ((event: { data: string }) => void) | null = null;
      onclose: ((event: { code: number }) => void) | null = null;
      #server: ServerSocket | null = null;

      constructor() {
        at.clock.timer(5 + random() * 50, () => {
          if (!state.isUp) {
            this.#lost(1006);
            return;
          }
          const server = new ServerSocket(at.clock, random, state, {
            deliver: (data) => {
              heard(JSON.parse(data) as JobChanges<LiveView>);
              this.onmessage?.({ data });
            },
            close: (code) => {
              this.#lost(code);
            },
          });
          this.#server = server;
          sockets.add(server);
          const connection = new Connection(server as never, { owner }, means(owner));
          connections.add(connection);
          server.once("close", () => {
            sockets.delete(server);
            connections.delete(connection);
          });
          this.readyState = 1;
          this.onopen?.();
        });
      }

      send(text: string): void {
        const server = this.#server;
        at.clock.timer(random() * 20, () => {
          if (server?.isCut === false) server.emit("message", Buffer.from(text), false);
        });
      }

      close(): void {
        this.readyState = 3;
        this.#server?.die();
      }

      #lost(code: number): void {
        if (this.readyState === 3) return;
        this.readyState = 3;
        this.onclose?.({ code });
      }
    };

  return {
    socketsOf,
    state,
    /** Every link is lost; the client hears of it at once, or finds it out. */
    cut(isHeard: boolean): void {
      for (const socket of sockets) socket.cut(isHeard);
    },
  };
}

/** The server's end of a link. What is sent arrives in order, late, or never. */
class ServerSocket extends EventEmitter {
  readyState = 1;
  bufferedAmount = 0;
  isCut = false;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #link: { readonly stalled: boolean };
  readonly #client: { deliver(data: string): void; close(code: number): void };
  readonly #queue: { readonly text: string; readonly sent: () => void }[] = [];
  #isMoving = false;

  constructor(
    clock: Clock,
    random: () => number,
    link: { readonly stalled: boolean },
    client: { deliver(data: string): void; close(code: number): void },
  ) {
    super();
    this.#clock = clock;
    this.#random = random;
    this.#link = link;
    this.#client = client;
  }

  send(text: string, sent: () => void): void {
    if (this.readyState !== 1) return;
    this.bufferedAmount += text.length;
    this.#queue.push({ text, sent });
    if (!this.#isMoving) this.#move();
  }

  ping(): void {
    this.#clock.timer(this.#random() * 20, () => {
      if (!this.isCut) this.emit("pong");
    });
  }

  close(code: number): void {
    this.#clock.timer(1, () => {
      if (!this.isCut) this.#client.close(code);
      this.die();
    });
  }

  terminate(): void {
    this.die();
  }

  /** @param isHeard - the client is told, as by a reset */
  cut(isHeard: boolean): void {
    this.isCut = true;
    if (!isHeard) return;
    this.#client.close(1006);
    this.die();
  }

  die(): void {
    this.isCut = true;
    if (this.readyState === 3) return;
    this.readyState = 3;
    this.#queue.length = 0;
    this.#clock.timer(0, () => this.emit("close"));
  }

  #move(): void {
    this.#isMoving = true;
    this.#clock.timer(this.#random() * 40, () => {
      const next = this.#link.stalled ? undefined : this.#queue.shift();
      if (next !== undefined) {
        this.bufferedAmount -= next.text.length;
        if (!this.isCut) this.#client.deliver(next.text);
        next.sent();
      }
      this.#isMoving = false;
      if (this.#queue.length > 0) this.#move();
    });
  }
}
