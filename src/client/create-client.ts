import type { AnyDef } from "../core/define/any-def.js";
import type { PublicView } from "../core/view/public-view.js";
import type { TypeProblem } from "../core/schema/type-problem.js";
import { queryOf } from "./aim.js";
import type { Client, ClientOptions, JobsFilter, KindArg, ListQuery, Page } from "./api.js";
import { ClientError, invalid } from "./client-error.js";
import { command, freshKey } from "./commands.js";
import { Connector, type Ladder } from "./live/connector.js";
import { type Environment, surroundings } from "./environment.js";
import { createHttp } from "./http.js";
import type { HttpLink } from "./live/http-link.js";
import { lateLink } from "./live/late-link.js";
import { reviveView } from "./revive.js";
import type { TransportName } from "./snapshot.js";
import { createStore } from "./stores.js";
import { Topic } from "./topic.js";
import { WebSocketLink, type WebSocketConstructor } from "./live/websocket.js";
import { watchStore } from "./watch.js";

const OPTIONS: readonly string[] = [
  "baseUrl",
  "jobs",
  "accessToken",
  "transports",
  "fetch",
  "WebSocket",
  "onWake",
];
const TRANSPORTS: readonly TransportName[] = ["websocket", "sse", "long-poll", "poll"];
const MOST_LISTED = 100;

type Untyped =
  "createClient needs its jobs: jobs: [ingest], or their types alone: createClient<typeof ingest>({ … })";

/**
 * Makes a client, by definitions (`jobs: [ingest, recover]`) or by types alone, with nothing of a definition in the bundle
 * (`createClient<typeof ingest | typeof recover>({ baseUrl })`). Opens nothing; needs neither `window` nor `document`.
 *
 * @throws {ClientError} `config.invalid`: an option that is unknown or unusable
 */
export function createClient<D extends AnyDef = never>(
  options: ClientOptions<D> & ([D] extends [never] ? TypeProblem<Untyped> : unknown),
): Client<D> {
  // What is no object at all is refused there.
  return openClient(options, surroundings((options as typeof options | null)?.onWake));
}

/** The ways over HTTP are not in the bundle that a page waits for: they are loaded beside the first connection. */
type LoadHttpLink = () => Promise<typeof HttpLink>;

const loadHttpLink: LoadHttpLink = async () => (await import("./live/http-link.js")).HttpLink;

/** `createClient` with surroundings of one's own: for tests. */
export function openClient<D extends AnyDef>(
  options: ClientOptions<D>,
  env: Environment,
  load: LoadHttpLink = loadHttpLink,
): Client<D> {
  check(options);
  const baseUrl = options.baseUrl.replace(/\/+$/, "");
  const http = createHttp({ ...options, baseUrl }, env);
  const connector = new Connector(env, http, ladderOf(options, baseUrl, load));
  const job = (kind: KindArg<string>, jobId: string) =>
    createStore(connector, new Topic({ jobId, kind: nameOf(kind) }));
  const send = (name: string, key: string, body: unknown, verb = "") =>
    command(http, { name, verb, key, body }, connector);

  const client = {
    job,
    latest: (kind: KindArg<string>, subject: string) =>
      createStore(connector, new Topic({ kind: nameOf(kind), subject, limit: 1 })),
    jobs: ({ kind, subject, limit = MOST_LISTED }: JobsFilter<string> = {}) =>
      createStore(connector, new Topic({ kind: nameOf(kind), subject, limit }, true)),
    connection: connector.connection,
    submit: (kind: KindArg<string>, input: unknown, given?: { readonly idempotencyKey?: string }) =>
      send(nameOf(kind), given?.idempotencyKey ?? freshKey(env), input),
    cancel: (id: string, given?: { readonly reason?: string }) =>
      send(id, `cancel-${id}`, { reason: given?.reason }, "/cancel"),
    rerun: (id: string) => send(id, `rerun-${id}`, {}, "/rerun"),
    list: async ({ kind, ...query }: ListQuery<string> = {}) =>
      http.ask(
        { path: `?${queryOf({ kind: nameOf(kind), ...query })}` },
        ({ items, next }: Page<PublicView>) => ({ items: items.map((view) => reviveView(view)), next }),
      ),
    watch: (kind: KindArg<string>, id: string, given?: { readonly signal?: AbortSignal }) =>
      watchStore(job(kind, id), given?.signal),
    close() {
      connector.close(new ClientError("client.closed", "This client was closed."));
    },
  };
  return client as unknown as Client<D>;
}

function check(options: ClientOptions<AnyDef>): void {
  const given = options as ClientOptions<AnyDef> | null | undefined;
  const unknown = Object.keys(given ?? {}).find((name) => !OPTIONS.includes(name));
  if (unknown !== undefined) {
    throw invalid(`createClient has no option "${unknown}". It takes ${OPTIONS.join(", ")}.`);
  }
  if (typeof given?.baseUrl !== "string") throw invalid("createClient needs its baseUrl.");
}

/** The name of a kind, by its definition or as it is: what is neither is the server's to refuse, and not for "any kind". */
function nameOf(kind: KindArg<string>): string;
function nameOf(kind: KindArg<string> | undefined): string | undefined;
function nameOf(kind: KindArg<string> | undefined): string | undefined {
  return (kind as { readonly kind?: string } | undefined)?.kind ?? (kind as string | undefined);
}

function ladderOf(
  { transports, WebSocket }: ClientOptions<AnyDef>,
  baseUrl: string,
  load: LoadHttpLink,
): Ladder {
  const around = globalThis as { WebSocket?: WebSocketConstructor; location?: { readonly href: string } };
  const Constructor = WebSocket ?? around.WebSocket;
  const chosen = (transports ?? TRANSPORTS).filter(
    (name) => name !== "websocket" || Constructor !== undefined,
  );
  if (chosen.length === 0) throw invalid("There is no transport here: pass a WebSocket.");
  return chosen.map((name) => ({
    name,
    open(host) {
      // Also beside a WebSocket, while the network is there: it is wanted when a WebSocket no longer works.
      const loading = load().then((HttpLink) => new HttpLink(host, name));
      if (name !== "websocket") return lateLink(host, loading);
      loading.catch(() => undefined);
      try {
        const { href } = new URL(baseUrl, around.location?.href);
        return new WebSocketLink(host, href.replace("http", "ws"), Constructor as WebSocketConstructor);
      } catch (error) {
        // A page may not be allowed to make one; which browsers say at once, and not by closing it. Nor is there an address
        // where it is relative, and no page.
        const refusal = error as Error;
        return lateLink(host, Promise.reject(refusal));
      }
    },
  }));
}
