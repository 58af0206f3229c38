import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import * as ws from "ws";
import { WaybillError } from "../../core/errors/errors.js";
import { checkPrincipal, type Principal } from "../../core/view/access.js";
import type { Waybill } from "../../core/api/waybill.js";
import { type Clock, inTime, systemClock } from "../../core/environment/clock.js";
import type { AnyDef } from "../../core/define/any-def.js";
import { LIVE_LIMITS, LIVE_PROTOCOL } from "../../core/wire/live.js";
import type { LiveAim, LiveChanges } from "./aim.js";
import { Connection, type ConnectionMeans } from "./connection.js";
import { type Settings, settingsOf, type WebsocketGatewayOptions } from "./options.js";
import { requestOf } from "./request.js";

/** A server whose upgrades can be taken: that of `node:http`, `node:https`, and what stands on them. */
export interface UpgradeServer {
  on(event: "upgrade", listener: (request: IncomingMessage, socket: Duplex, head: Buffer) => void): unknown;
  off(event: "upgrade", listener: (request: IncomingMessage, socket: Duplex, head: Buffer) => void): unknown;
  listenerCount(event: "upgrade"): number;
}

/** Shows jobs live to browsers and other clients, as `docs/PROTOCOL.md` says. */
export interface WebsocketGateway {
  /**
   * Takes the upgrades of a server at `path`; those of other paths are left to others. Returns how to stop.
   *
   * @throws {WaybillError} `config.invalid`: a gateway takes them already
   */
  attach(server: UpgradeServer): () => void;
  /** Takes no more, and closes what is open with 1001, spread over 5 s: clients connect anew, elsewhere. Safe to call twice. */
  close(): Promise<void>;
}

const MOST_CONNECTIONS = 10_000;
const MOST_OF_AN_OWNER = 100;
const AUTHORIZE_WITHIN_MS = 10_000;
const TICK_MS = 1_000;
const SPREAD_MS = 5_000;

/**
 * Makes the gateway over a Waybill: in the process of the workers or in one of its own, which needs a feed to hear of changes
 * at once.
 *
 * Everybody sees their own jobs only, by the owner that `authorize` gives, unless it says `sees: "all"`. Limits: 16 KiB a
 * frame, 100 subscriptions a connection, 100 connections an owner, 10,000 in all.
 *
 * @throws {WaybillError} `config.invalid`, `config.kind_unknown`
 */
export function websocketGateway<D extends AnyDef>(
  waybill: Pick<Waybill<D>, "observe" | "~composition">,
  options: WebsocketGatewayOptions<NoInfer<D>>,
): WebsocketGateway {
  return createGateway(waybill, settingsOf(options), systemClock);
}

/** What the gateway uses of a Waybill, without the types of its kinds. */
interface Observed {
  observe(
    filter: LiveAim,
    options: { readonly known?: Readonly<Record<string, number>> },
  ): AsyncIterable<LiveChanges>;
}

/** @param clock - for tests */
export function createGateway(waybill: Observed, settings: Settings, clock: Clock): WebsocketGateway {
  // Looks at nothing: it refuses kinds that are not of the composition.
  waybill.observe({ kind: settings.kinds, limit: 1 }, {});
  return new Gateway(waybill, settings, clock);
}

class Gateway implements WebsocketGateway {
  readonly #waybill: Observed;
  readonly #settings: Settings;
  readonly #clock: Clock;
  readonly #sockets = openSockets();
  readonly #connections = new Set<Connection>();
  readonly #ofOwner = new Map<string, number>();
  readonly #detach = new Set<() => void>();
  #cancelTick: (() => void) | null = null;
  #closing: Promise<void> | null = null;
  /** Upgrades that wait for `authorize`. */
  #waiting = 0;

  constructor(waybill: Observed, settings: Settings, clock: Clock) {
    this.#waybill = waybill;
    this.#settings = settings;
    this.#clock = clock;
  }

  attach(server: UpgradeServer): () => void {
    const { path } = this.#settings;
    const gateways = gatewaysOf(server);
    if ([...gateways.values()].includes(path)) {
      throw new WaybillError(
        "config.invalid",
        `A gateway is attached to this server at ${path} already: stop that one first, or give this one another path.`,
      );
    }
    const listener = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
      const asked = pathOf(request);
      if (asked === path) void this.#upgrade(request, socket, head);
      else if (isNobodys(server, asked) && gateways.keys().next().value === listener) refuse(socket, 404);
    };
    gateways.set(listener, path);
    server.on("upgrade", listener);
    const detach = (): void => {
      server.off("upgrade", listener);
      gateways.delete(listener);
      this.#detach.delete(detach);
    };
    this.#detach.add(detach);
    return detach;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const open = [...this.#connections];
    for (const [index, connection] of open.entries()) {
      this.#clock.timer(
        Math.floor((index * SPREAD_MS) / open.length),
        () => {
          connection.shutdown();
        },
        true,
      );
    }
    await Promise.all(open.map(({ closed }) => closed));
    for (const detach of this.#detach) detach();
    this.#cancelTick?.();
  }

  async #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    // Without a listener a reset while we wait would end the process.
    socket.on("error", () => undefined);
    const refusal = this.#refusalOf(request);
    if (refusal !== null) {
      refuse(socket, refusal);
      return;
    }
    this.#waiting += 1;
    const principal = await this.#authorize(requestOf(request));
    this.#waiting -= 1;
    if (socket.destroyed) return;
    if (typeof principal === "number" || this.#closing !== null) {
      refuse(socket, typeof principal === "number" ? principal : 503);
      return;
    }
    // A credential that is refused is told so; without one, `init` is waited for.
    if (principal === null && request.headers.authorization !== undefined) {
      refuse(socket, 401);
      return;
    }
    this.#sockets.handleUpgrade(request, socket, head, (opened) => {
      const connection = new Connection(opened, principal, this.#means(request));
      this.#connections.add(connection);
      this.#cancelTick ??= this.#tickLater();
      void connection.closed.then(() => this.#connections.delete(connection));
    });
  }

  #refusalOf({ headers }: IncomingMessage): number | null {
    const { origin } = headers;
    if (this.#closing !== null || this.#connections.size + this.#waiting >= MOST_CONNECTIONS) return 503;
    if (origin !== undefined && !this.#settings.allowedOrigins.has(origin)) return 403;
    const offered = (headers["sec-websocket-protocol"] ?? "").split(",").map((name) => name.trim());
    return offered.includes(LIVE_PROTOCOL) ? null : 400;
  }

  /** Who is calling; a number: the status that says why that is not known. */
  async #authorize(request: Request | null): Promise<Principal | null | number> {
    if (request === null) return 400;
    const asked = async (): Promise<Principal | null> =>
      checkPrincipal(await this.#settings.authorize(request));
    return inTime<Principal | null | number>(this.#clock, AUTHORIZE_WITHIN_MS, asked(), 503).catch(() => 500);
  }

  #means(upgrade: IncomingMessage): ConnectionMeans {
    return {
      clock: this.#clock,
      kinds: this.#settings.kinds,
      observe: (aim, known) => this.#waybill.observe(aim, { known }),
      authorize: async (token) => {
        const request = requestOf(upgrade, token);
        return request === null ? null : checkPrincipal(await this.#settings.authorize(request));
      },
      admit: (owner) => this.#admit(owner),
    };
  }

  #admit(owner: string): (() => void) | null {
    const count = this.#ofOwner.get(owner) ?? 0;
    if (count >= MOST_OF_AN_OWNER) return null;
    this.#ofOwner.set(owner, count + 1);
    return () => {
      const left = (this.#ofOwner.get(owner) ?? 1) - 1;
      if (left === 0) this.#ofOwner.delete(owner);
      else this.#ofOwner.set(owner, left);
    };
  }

  #tickLater(): () => void {
    return this.#clock.timer(TICK_MS, () => {
      for (const connection of this.#connections) connection.tick();
      this.#cancelTick = this.#connections.size > 0 ? this.#tickLater() : null;
    });
  }
}

/** The paths of the gateways on a server, by what listens for them, in order. */
const attached = new WeakMap<UpgradeServer, Map<unknown, string>>();

function gatewaysOf(server: UpgradeServer): Map<unknown, string> {
  const gateways = attached.get(server) ?? new Map<unknown, string>();
  attached.set(server, gateways);
  return gateways;
}

/** Whether only gateways listen, and none at this path: nobody else would answer. */
function isNobodys(server: UpgradeServer, path: string): boolean {
  const gateways = gatewaysOf(server);
  return server.listenerCount("upgrade") === gateways.size && ![...gateways.values()].includes(path);
}

function pathOf({ url = "/" }: IncomingMessage): string {
  const [path = "/"] = url.split("?", 1);
  return path;
}

const REASONS: Readonly<Record<number, string>> = {
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  500: "Internal Server Error",
  503: "Service Unavailable",
};

/** Answers instead of upgrading, and lets go: a server looks after no socket that asked for an upgrade. */
function refuse(socket: Duplex, status: number): void {
  const more = status === 503 ? "Retry-After: 1\r\n" : status === 401 ? "WWW-Authenticate: Bearer\r\n" : "";
  socket.end(
    `HTTP/1.1 ${String(status)} ${REASONS[status] ?? ""}\r\n${more}Content-Length: 0\r\nConnection: close\r\n\r\n`,
    () => {
      socket.destroy();
    },
  );
}

/** @throws WaybillError `config.invalid` with a `ws` that is too old: it may be there for other purposes */
function openSockets(): ws.WebSocketServer {
  // Older ones have no such export, whatever their types say.
  if (typeof (ws.WebSocketServer as unknown) !== "function") {
    throw new WaybillError(
      "config.invalid",
      "websocketGateway needs ws 8 or later; an older one is installed.",
    );
  }
  return new ws.WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: LIVE_LIMITS.maxFrameBytes,
    handleProtocols: () => LIVE_PROTOCOL,
  });
}
