import { Redis } from "ioredis";
import { afterAll, describe, expect, it } from "vitest";
import type { JobEvent } from "waybill";
import { notifierSuite, type ReceiverAnswer } from "waybill/testing";
import { streamNotifier } from "../../examples/small-notifier/small-notifier.js";
import { sampleEvent } from "../../src/testing/notifier-suite/sample-event.js";
import { redisMissing, redisServer } from "../integration/redis-server.js";

const clients: Redis[] = [];
let fixtures = 0;

async function open() {
  const { port } = await redisServer();
  const client = new Redis({ port, host: "127.0.0.1" });
  clients.push(client);
  return client;
}

afterAll(() => {
  for (const client of clients) client.disconnect();
});

/** A client whose replies for some events are exchanged, and which knows in which order entries were acknowledged. */
function scripted(client: Redis) {
  const answers = new Map<string, ReceiverAnswer>();
  const entries: { readonly entry: string; readonly event: string }[] = [];
  return {
    answers,
    entries,
    async xadd(stream: string, ...args: string[]): Promise<string | null> {
      const event = args[args.indexOf("id") + 1] ?? "";
      const answer = answers.get(event) ?? "accept";
      if (answer === "retry") throw new Error(`LOADING Redis is loading ${args.join(" ")}`);
      if (answer === "held") throw new Error("OOM command not allowed when used memory > 'maxmemory'.");
      if (answer === "hang") await new Promise(() => undefined);
      const entry = await client.xadd(stream, ...args);
      entries.push({ entry: `${stream} ${String(entry)}`, event });
      return entry;
    },
  };
}

describe.skipIf(redisMissing() !== null)("the small notifier on a Redis stream", () => {
  notifierSuite(
    { describe, it },
    {
      async create() {
        const client = await open();
        const prefix = `small-${(fixtures += 1)}`;
        const receiver = scripted(client);
        return {
          notifier: streamNotifier({ client: receiver, prefix }),
          async delivered() {
            const there = new Set<string>();
            for (const stream of await client.keys(`${prefix}:*`)) {
              for (const [id] of await client.xrange(stream, "-", "+")) there.add(`${stream} ${id}`);
            }
            expect(there.size).toBe(receiver.entries.length);
            return receiver.entries.filter(({ entry }) => there.has(entry)).map(({ event }) => event);
          },
          // Redis refuses no entry for what is in it.
          answers: ["accept", "retry", "held", "hang"],
          answer: (eventId, how) => {
            receiver.answers.set(eventId, how);
          },
          inLane: (event, lane) => ({ ...event, owner: lane }),
          close: async () => {
            client.disconnect();
          },
        };
      },
    },
  );

  // A signal for each call, as the relay has it.
  const context = () => ({ signal: new AbortController().signal, view: async () => null });
  const event = sampleEvent("job-a", 1, { actor: "CANARY", metadata: "CANARY" });
  const publish = async (client: Redis, prefix: string, of: JobEvent = event) =>
    streamNotifier({ client, prefix }).publish([of as typeof event], context());

  it("writes the fields that are for everybody", async () => {
    const client = await open();
    await publish(client, "fields");
    const [[, fields] = [null, []]] = await client.xrange("fields:tenant-7", "-", "+");
    const entry = Object.fromEntries(
      fields.flatMap((name, index) => (index % 2 ? [] : [[name, fields[index + 1]]])),
    );
    expect(entry).toEqual({
      id: "job-a:1",
      type: "job.started",
      jobId: "job-a",
      kind: "mail.send",
      version: "1",
      status: "PROCESSING",
      word: "IN_PROGRESS",
      message: event.message,
      at: "2025-01-01T00:00:00.001Z",
    });
  });

  it("waits for a server that is full, and tells of a wrong key by its code", async () => {
    const client = await open();
    await client.config("SET", "maxmemory", "1kb");
    expect(await publish(client, "full")).toEqual([
      { status: "held", reason: "the server is full", afterMs: 5_000 },
    ]);
    await client.config("SET", "maxmemory", "0");
    expect(await publish(client, "full")).toEqual([{ status: "delivered" }]);
    await client.set("wrong:tenant-7", "a text");
    expect(await publish(client, "wrong")).toEqual([{ status: "retry", reason: "XADD: WRONGTYPE" }]);
  });

  it("keeps about as many entries as it may", async () => {
    const client = await open();
    const short = streamNotifier({ client, prefix: "short", maxLength: 100 });
    for (let batch = 0; batch < 50; batch += 1) {
      const events = Array.from({ length: 20 }, (_, index) => sampleEvent("job-a", batch * 20 + index + 1));
      await short.publish(events, context());
    }
    expect(await client.xlen("short:tenant-7")).toBeLessThan(300);
  });
});
