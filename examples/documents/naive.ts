// The same service as it was written first, with everything good about it: validation, a row, durable messages that are
// acknowledged after the work, every error caught and logged, rooms per user. One process is API, worker and rooms.
import { createServer } from "node:http";
import { buffer } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { type ConfirmChannel, connect } from "amqplib";
import pg from "pg";
import { type WebSocket, WebSocketServer } from "ws";
import { chunked, embedded, textOfPdf } from "./pdf.js";

const { DATABASE_URL, NAIVE_PUBLISH_URL = "", NAIVE_CONSUME_URL = "", NAIVE_PORT } = process.env;
const stepMs = Number(process.env["STEP_MS"] ?? 0);
/** The kindest variant: what could not be published is logged, and fails nothing. */
const isKind = process.env["NAIVE_KIND"] === "1";
const EXCHANGE = `${process.env["RABBITMQ_EXCHANGE"] ?? ""}.naive.status`;
const QUEUE = `${process.env["RABBITMQ_EXCHANGE"] ?? ""}.naive`;

const pool = new pg.Pool({ connectionString: DATABASE_URL, max: 4, connectionTimeoutMillis: 5_000 });
pool.on("error", () => undefined);

let publisher: Promise<ConfirmChannel> | null = null;

/** One connection for all that is published, made again when it was lost. */
async function publish(exchange: string, key: string, body: object): Promise<void> {
  publisher ??= connect(NAIVE_PUBLISH_URL).then((model) => {
    for (const event of ["close", "error"]) model.on(event, () => (publisher = null));
    return model.createConfirmChannel();
  });
  const channel = await publisher.catch((error: unknown) => {
    publisher = null;
    throw error;
  });
  channel.publish(exchange, key, Buffer.from(JSON.stringify(body)), { persistent: true });
  await channel.waitForConfirms();
}

async function setStatus(
  id: string,
  user: string,
  status: string,
  error: string | null = null,
): Promise<void> {
  await pool.query("update naive_documents set status = $2, error = $3 where id = $1", [id, status, error]);
  const told = publish(EXCHANGE, `document.status.${user}`, { document_id: id, status, user_id: user });
  await (isKind
    ? told.catch((reason: unknown) => {
        console.error(`could not publish ${status} of ${id}: ${String(reason)}`);
      })
    : told);
}

async function processDocument(id: string, user: string): Promise<void> {
  try {
    await setStatus(id, user, "processing");
    const { rows } = await pool.query<{ content: Buffer }>(
      "select content from naive_documents where id = $1",
      [id],
    );
    await sleep(2 * stepMs);
    const chunks = chunked(textOfPdf(rows[0]?.content ?? Buffer.of()), 200);
    await sleep(3 * stepMs);
    await pool.query(
      `insert into naive_chunks (document_id, place, text, embedding)
       select $1, ordinality - 1, text, embedding::real[]
       from unnest($2::text[], $3::text[]) with ordinality as given (text, embedding, ordinality)
       on conflict do nothing`,
      [id, chunks, chunks.map((chunk) => `{${embedded(chunk).join(",")}}`)],
    );
    await setStatus(id, user, "ready");
  } catch (error) {
    console.error(`could not process ${id}: ${error instanceof Error ? error.message : String(error)}`);
    await setStatus(id, user, "failed", error instanceof Error ? error.message : null).catch(() => {
      console.error(`could not say so of ${id}`);
    });
  }
}

/** Takes documents one at a time; acknowledged when the worker has returned. */
async function consume(): Promise<void> {
  const model = await connect(NAIVE_CONSUME_URL);
  const channel = await model.createChannel();
  await channel.assertExchange(EXCHANGE, "topic");
  await channel.assertQueue(QUEUE, { durable: true });
  const told = await channel.assertQueue("", { exclusive: true });
  await channel.bindQueue(told.queue, EXCHANGE, "document.status.*");
  await channel.prefetch(1);
  await channel.consume(QUEUE, (delivery) => {
    if (delivery === null) return;
    const { document_id, user_id } = JSON.parse(delivery.content.toString()) as Record<string, string>;
    void processDocument(document_id ?? "", user_id ?? "").then(() => {
      channel.ack(delivery);
    });
  });
  await channel.consume(
    told.queue,
    (delivery) => {
      if (delivery === null) return;
      const { user_id = "" } = JSON.parse(delivery.content.toString()) as Record<string, string>;
      for (const socket of rooms.get(user_id) ?? []) socket.send(delivery.content.toString());
    },
    { noAck: true },
  );
}

const rooms = new Map<string, Set<WebSocket>>();
const sockets = new WebSocketServer({ noServer: true });

/** Whoever is in the room when something is said hears it. */
function enter(user: string, socket: WebSocket): void {
  const room = rooms.get(user) ?? new Set();
  rooms.set(user, room.add(socket));
  socket.on("error", () => undefined);
  socket.on("close", () => room.delete(socket));
}

/** The row, then the message. */
async function upload(user: string, content: Buffer): Promise<string> {
  const text = "insert into naive_documents (user_id, content) values ($1, $2) returning id";
  const { rows } = await pool.query<{ id: string }>(text, [user, content]);
  const id = rows[0]?.id ?? "";
  await publish("", QUEUE, { document_id: id, user_id: user });
  return id;
}

await pool.query(`create sequence if not exists naive_ids;
  create table if not exists naive_documents (
    id text primary key default 'd-' || nextval('naive_ids'),
    user_id text not null, content bytea not null, status text not null default 'pending', error text
  );
  create table if not exists naive_chunks (
    document_id text, place integer, text text, embedding real[], primary key (document_id, place)
  )`);
const userOf = (url = ""): string => new URL(url, "http://naive").searchParams.get("user") ?? "";
const server = createServer((request, response) => {
  buffer(request)
    .then((content) => upload(userOf(request.url), content))
    .then((id) => response.writeHead(202).end(JSON.stringify({ id })))
    .catch(() => response.writeHead(500).end());
});
server.on("upgrade", (request, socket, head) => {
  sockets.handleUpgrade(request, socket, head, (opened) => {
    enter(userOf(request.url), opened);
  });
});
server.listen(Number(NAIVE_PORT), "127.0.0.1", () => {
  void consume().then(() => process.send?.("ready"));
});
