// What the run stands on: servers, the roads to them, and the processes of both builds.
import { randomUUID } from "node:crypto";
import { connect } from "amqplib";
import pg from "pg";
import type { Child } from "../../stage/children.js";
import { postgres, rabbitmq } from "../../stage/parts.js";
import { type TcpRoad, tcpRoad } from "../../stage/road.js";
import type { Stage } from "../../stage/run.js";
import { freePort } from "../../../test/support/free-port.js";

type Name =
  | "publisher"
  | "database"
  | "graph"
  | "page"
  | "naivePublisher"
  | "naiveConsumer"
  | "naiveDatabase"
  | "naivePage";

type Killable = "api" | "ingest" | "embed" | "naive";

export interface Parts {
  readonly roads: Readonly<Record<Name, TcpRoad>>;
  readonly children: Readonly<Record<Killable, Child>>;
  /** Starts one that was killed, and resolves when it answers. */
  restart(name: Killable): Promise<void>;
  /** Resolves when somebody has opened a page. */
  readonly visited: Promise<void>;
  /** Where people look. */
  readonly origin: string;
  /** The same over Ana's road. */
  readonly anasOrigin: string;
  readonly naiveOrigin: string;
  readonly anasNaiveOrigin: string;
  /** The secret of each user's session. */
  readonly sessions: Readonly<Record<"ana" | "ben", string>>;
  /** Whether the servers can be reached over roads. */
  readonly hasRoads: boolean;
}

const file = (name: string): URL => new URL(`../${name}`, import.meta.url);

export async function openParts(stage: Stage, stepMs: number): Promise<Parts> {
  const [database, broker] = (await Promise.all([ownDatabase(stage), rabbitmq(stage)])).map(
    (url) => new URL(url),
  ) as [URL, URL];
  if (process.env["RABBITMQ_EXCHANGE"] === undefined) {
    const exchange = `documents-${randomUUID().slice(0, 8)}`;
    process.env["RABBITMQ_EXCHANGE"] = exchange;
    stage.atEnd(() => forget(broker, exchange));
  }
  const [apiPort, naivePort] = [await freePort(), await freePort()];
  const toDatabase = { host: database.hostname, port: Number(database.port || 5_432) };
  const toBroker = { host: broker.hostname, port: Number(broker.port || 5_672) };
  const roads = {
    publisher: await tcpRoad(stage, toBroker),
    database: await tcpRoad(stage, toDatabase),
    graph: await tcpRoad(stage, toDatabase),
    page: await tcpRoad(stage, { port: apiPort }),
    naivePublisher: await tcpRoad(stage, toBroker),
    naiveConsumer: await tcpRoad(stage, toBroker),
    naiveDatabase: await tcpRoad(stage, toDatabase),
    naivePage: await tcpRoad(stage, { port: naivePort }),
  };
  const sessions = { ana: randomUUID(), ben: randomUUID() };
  Object.assign(process.env, {
    API_PORT: String(apiPort),
    NAIVE_PORT: String(naivePort),
    NODE_NO_WARNINGS: "1",
    SESSIONS: JSON.stringify({ [sessions.ana]: "ana", [sessions.ben]: "ben" }),
    STEP_MS: String(stepMs),
  });
  const over = (url: URL, road: TcpRoad): string => {
    const through = new URL(url);
    through.hostname = road.host;
    through.port = String(road.port);
    return through.href;
  };
  // Before the roads to their servers are taken away.
  stage.atEnd(() => stage.children.stop(4_000));
  const { start, told, readyOf } = starter(stage);
  const visited = told("api", "visited");
  const api = start("api", "api.ts", {});
  const naive = start("naive", "naive.ts", {
    DATABASE_URL: over(database, roads.naiveDatabase),
    NAIVE_PUBLISH_URL: over(broker, roads.naivePublisher),
    NAIVE_CONSUME_URL: over(broker, roads.naiveConsumer),
  });
  await Promise.all([readyOf("api"), readyOf("naive")]);
  const ingest = start("ingest", "workers.ts", {
    DATABASE_URL: over(database, roads.database),
    RABBITMQ_URL: over(broker, roads.publisher),
  });
  const embed = start("embed", "workers.ts", {});
  start("graph", "workers.ts", { DATABASE_URL: over(database, roads.graph) });
  await Promise.all(["ingest", "embed", "graph"].map(readyOf));
  const children = { api, ingest, embed, naive };
  const at = (port: number): string => `http://127.0.0.1:${String(port)}`;
  return {
    ...{ roads, children, sessions, visited },
    restart: (name) => {
      children[name].start();
      return readyOf(name);
    },
    ...{ origin: at(apiPort), anasOrigin: at(roads.page.port) },
    ...{ naiveOrigin: at(naivePort), anasNaiveOrigin: at(roads.naivePage.port) },
    hasRoads: broker.protocol === "amqp:",
  };
}

function starter(stage: Stage) {
  const said = new Map<string, () => void>();
  /** Resolves when a process says this the next time. */
  const told = (name: string, message: string): Promise<void> =>
    new Promise((resolve) => {
      said.set(`${name} ${message}`, resolve);
    });
  return {
    /** Workers are told by their name which of them they are. */
    start: (name: string, script: string, env: Readonly<Record<string, string>>): Child =>
      stage.children.spawn(name, file(script), {
        ...{ args: [name], env },
        onMessage: (message) => {
          said.get(`${name} ${String(message)}`)?.();
        },
      }),
    told,
    readyOf: (name: string): Promise<void> => told(name, "ready"),
  };
}

/** An empty database of this run, on whichever server. */
async function ownDatabase(stage: Stage): Promise<string> {
  const server = await postgres(stage);
  const name = `documents_${randomUUID().slice(0, 8)}`;
  const query = async (sql: string): Promise<void> => {
    const client = new pg.Client({ connectionString: server });
    await client.connect();
    await client.query(sql).finally(() => client.end());
  };
  await query(`create database ${name}`);
  stage.atEnd(() => query(`drop database ${name} with (force)`));
  const url = new URL(server);
  url.pathname = `/${name}`;
  process.env["DATABASE_URL"] = url.href;
  return url.href;
}

/** On somebody's own broker nothing is left behind. */
async function forget(broker: URL, exchange: string): Promise<void> {
  const model = await connect(broker.href);
  const channel = await model.createChannel();
  for (const queue of ["ingest", "embed", "graph", "naive"])
    await channel.deleteQueue(`${exchange}.${queue}`);
  for (const name of ["", ".work", ".hints", ".naive.status"])
    await channel.deleteExchange(`${exchange}${name}`);
  await model.close();
}
