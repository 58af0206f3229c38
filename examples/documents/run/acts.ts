// What happens in the run, to each build for itself: uploads, and between them the faults, each triggered by what passes on a
// road or stands in a store, never by a time.
import { setTimeout as sleep } from "node:timers/promises";
import type { Pool } from "pg";
import type { TcpRoad } from "../../stage/road.js";
import type { Stage } from "../../stage/run.js";
import type { Parts } from "./parts.js";
import { bytesOf, type Sample, SAMPLES } from "./samples.js";
import type { NaiveVisitor, User, Visitor } from "./visitors.js";

/** Longer than any of it takes on a busy machine. */
const PATIENCE_MS = 90_000;
const LOOK_MS = 20;

export interface Scene {
  readonly stage: Stage;
  readonly parts: Parts;
  readonly pool: Pool;
  /** How long the road to the broker stays broken; the others half of it. */
  readonly outageMs: number;
}

/** Asks again and again until it is so. @throws when it takes too long, or the run is interrupted */
export async function until(
  stage: Stage,
  what: string,
  isSo: () => boolean | Promise<boolean>,
): Promise<void> {
  const giveUpAt = Date.now() + PATIENCE_MS;
  while (!(await isSo())) {
    if (Date.now() > giveUpAt) throw new Error(`It never came to that: ${what}.`);
    await sleep(LOOK_MS, undefined, { signal: stage.signal });
  }
}

/** One of the two builds, as the run needs to know it. */
interface Build {
  readonly name: "naive" | "waybill";
  upload(sample: Sample): Promise<void>;
  /** What its table says of a document. */
  row(id: string): Promise<string | null>;
  /** It is being embedded, as its page says. */
  isBeingEmbedded(id: string): boolean;
  /** The publisher's road, where the index is written, what the worker hears by, its database, Ana's page. */
  readonly roads: Readonly<Record<"publisher" | "index" | "consumer" | "database" | "page", TcpRoad>>;
  /** What the statement that writes the index is told by. */
  readonly indexing: string;
  kill(): Promise<void>;
  /** Resolves when they answer. */
  start(): Promise<unknown>;
  /** People look at their pages again. */
  look(): void;
}

/** Uploads all documents; where there are faults, the next ones come when the fault before them is over. */
async function play(scene: Scene, build: Build): Promise<void> {
  const { stage } = scene;
  const faults = stage.withFault && scene.parts.hasRoads;
  const say = (text: string): void => {
    stage.screen.say(`${build.name.padEnd(7)} ${text}`);
  };
  const upload = async (...ids: readonly string[]): Promise<void> => {
    for (const sample of SAMPLES.filter(({ id }) => ids.includes(id))) await build.upload(sample);
  };
  const ended = (id: string) => async (): Promise<boolean> =>
    ["ready", "failed"].includes((await build.row(id)) ?? "");
  if (!faults) return upload(...SAMPLES.map(({ id }) => id));

  const { roads } = build;
  const published = passing(roads.index, [build.indexing, "d-3"], () => {
    roads.publisher.cut();
  });
  await upload("d-1", "d-2", "d-3");
  await published;
  say("d-3 is in the index: the road to the broker is cut before anybody can be told");
  await outage(stage, roads.publisher, scene.outageMs);
  await until(stage, "d-3 has ended", ended("d-3"));

  await upload("d-4", "d-5");
  await until(stage, "d-5 is embedded", () => build.isBeingEmbedded("d-5"));
  roads.page.cut();
  say("d-5 is being embedded: Ana's laptop goes to sleep");
  await until(stage, "d-5 has ended", ended("d-5"));
  // Not at once: what was said of it has gone by.
  await outage(stage, roads.page, scene.outageMs / 2);
  build.look();
  say("d-5 has ended: Ana opens her laptop");

  const arrived = passing(roads.consumer, ['"document_id":"d-6"'], () => {
    roads.database.cut();
  });
  await upload("d-6");
  await arrived;
  say("the message of d-6 arrives: the worker has lost its database");
  await outage(stage, roads.database, scene.outageMs / 2);

  await upload("d-7", "d-8");
  await until(stage, "d-7 is embedded", () => build.isBeingEmbedded("d-7"));
  await build.kill();
  say("d-7 is being embedded: worker and gateway are killed");
  await sleep(scene.outageMs / 2, undefined, { signal: stage.signal });
  await build.start();
  build.look();
  say("worker and gateway are back");
}

/** Resolves when bytes have passed that hold all of this, and `then` was done before they went on. */
function passing(road: TcpRoad, texts: readonly string[], then: () => void): Promise<void> {
  return new Promise((resolve) => {
    road.when(
      (bytes) => texts.every((text) => bytes.includes(text)),
      () => {
        then();
        resolve();
      },
    );
  });
}

async function outage(stage: Stage, road: TcpRoad, forMs: number): Promise<void> {
  await sleep(forMs, undefined, { signal: stage.signal });
  road.restore();
}

/** The build of this folder. */
export async function playWaybill(
  scene: Scene,
  visitors: Readonly<Record<User, Visitor>>,
  workspaces: Readonly<Record<User, string>>,
): Promise<void> {
  const { parts, pool } = scene;
  const { publisher, database, graph, page } = parts.roads;
  await play(scene, {
    name: "waybill",
    async upload(sample) {
      const path = `/api/workspaces/${workspaces[sample.user]}/documents?name=${sample.name}`;
      await accepted(await visitors[sample.user].post(path, bytesOf(sample)), sample);
    },
    row: (id) => rowOf(pool, "documents", "processing_status", id),
    isBeingEmbedded: (id) => Object.values(visitors).some((visitor) => visitor.phaseOf(id) === "embedding"),
    roads: { publisher, index: graph, consumer: publisher, database, page },
    indexing: "neighbours",
    kill: async () => {
      await Promise.all([parts.children.embed.kill(), parts.children.api.kill()]);
    },
    start: () => Promise.all([parts.restart("embed"), parts.restart("api")]),
    look: () => {
      for (const visitor of Object.values(visitors)) visitor.look();
    },
  });
}

/** As it was written first. */
export async function playNaive(scene: Scene, visitors: Readonly<Record<User, NaiveVisitor>>): Promise<void> {
  const { parts, pool } = scene;
  const { naivePublisher, naiveConsumer, naiveDatabase, naivePage } = parts.roads;
  await play(scene, {
    name: "naive",
    async upload(sample) {
      const url = `${parts.naiveOrigin}/?user=${sample.user}`;
      const answer = await fetch(url, { method: "POST", body: bytesOf(sample) });
      visitors[sample.user].uploaded(await accepted(answer, sample));
    },
    row: (id) => rowOf(pool, "naive_documents", "status", id),
    isBeingEmbedded: (id) => Object.values(visitors).some((visitor) => visitor.shown(id) === "processing"),
    roads: {
      ...{ publisher: naivePublisher, index: naiveDatabase, consumer: naiveConsumer },
      ...{ database: naiveDatabase, page: naivePage },
    },
    indexing: "naive_chunks",
    kill: () => parts.children.naive.kill(),
    start: () => parts.restart("naive"),
    // Its pages connect again by themselves, and there is nothing else that they could do.
    look: () => undefined,
  });
}

async function accepted(answer: Response, { id }: Sample): Promise<string> {
  const body = (await answer.json()) as { readonly id?: string };
  if (answer.status !== 202 || body.id !== id)
    throw new Error(`The upload of ${id} was answered ${answer.status}.`);
  return id;
}

async function rowOf(pool: Pool, table: string, column: string, id: string): Promise<string | null> {
  const { rows } = await pool.query<{ status: string }>(
    `select ${column} as status from ${table} where id = $1`,
    [id],
  );
  return rows[0]?.status ?? null;
}
