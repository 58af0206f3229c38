import { describe, expect, it } from "vitest";
import { type Life, live, type MeteredWrite } from "./dynamodb-life.js";
import { dynamoDb, ENGINE } from "./dynamodb-server.js";

const engine = dynamoDb();

interface Bill {
  /** Units of the table itself, as the engine reports them. */
  written: number;
  read: number;
  requests: number;
  /** Index entries that were written or removed, a unit each (an entry is far below 1 KB), by DynamoDB's rule. */
  entries: number;
}

/** Attributes that are a key of an index, by index. */
const INDEX_KEYS = [
  ["wakeShard", "wakeKey"],
  ["purgeShard", "purgeKey"],
  ["listShard", "listKey"],
  ["owner", "listKey"],
  ["subject", "listKey"],
  ["undeliverable", "listKey"],
] as const;

/** An entry that appears or goes costs a unit, one whose key changes costs two. */
function entriesOf({ before, after }: MeteredWrite): number {
  let units = 0;
  for (const keys of INDEX_KEYS) {
    const [was, is] = [before, after].map((item) =>
      keys.every((key) => item?.[key] !== undefined) ? keys.map((key) => item?.[key]?.S).join(" ") : null,
    );
    if (was !== is) units += (was === null ? 0 : 1) + (is === null ? 0 : 1);
  }
  return units;
}

const sumOf = (numbers: readonly number[]): number => numbers.reduce((sum, one) => sum + one, 0);

async function cost(life: Life): Promise<Bill & { readonly itemBytes: number }> {
  const { writes, reads } = await live(await engine(), life);
  const jobs = writes.flatMap(({ after }) => (after?.["sk"]?.S === "job" ? [after] : []));
  return {
    written: sumOf(writes.map(({ units }) => units)),
    entries: sumOf(writes.map(entriesOf)),
    read: sumOf(reads),
    requests: writes.length + reads.length,
    itemBytes: sizeOf(jobs.at(-1) ?? {}),
  };
}

/** The documented rule: names and values; a number is two digits a byte and one more. */
function sizeOf(item: object): number {
  let bytes = 0;
  for (const [name, value] of Object.entries(item) as [
    string,
    { S?: string; N?: string; L?: { S: string }[] },
  ][]) {
    bytes += name.length;
    if (value.S !== undefined) bytes += value.S.length;
    if (value.N !== undefined) bytes += Math.ceil(value.N.length / 2) + 1;
    if (value.L !== undefined) bytes += 3 + value.L.reduce((sum, { S }) => sum + S.length + 1, 0);
  }
  return bytes;
}

const HASH = "a".repeat(64);

const text = (bytes: number): string => JSON.stringify("x".repeat(bytes - 2));
const life = (inputBytes: number, more: Partial<Life> = {}): Life => ({
  input: text(inputBytes),
  output: text(20),
  ...more,
});

/** What `docs/adapters/dynamodb.md` publishes. */
const LIVES: readonly (readonly [title: string, life: Life, bill: Bill])[] = [
  ["input 200 B", life(200), { written: 4, entries: 10, read: 1, requests: 5 }],
  ["input 965 B", life(965), { written: 5, entries: 10, read: 2, requests: 7 }],
  ["input 1,024 B", life(1_024), { written: 5, entries: 10, read: 2, requests: 7 }],
  ["input 1,065 B", life(1_065), { written: 5, entries: 10, read: 2, requests: 7 }],
  ["input 1,066 B", life(1_066), { written: 6, entries: 10, read: 2, requests: 7 }],
  ["input 2,048 B", life(2_048), { written: 6, entries: 10, read: 2, requests: 7 }],
  [
    "input 4,000 B, output 1,000 B",
    life(4_000, { output: text(1_000) }),
    { written: 9, entries: 10, read: 2, requests: 7 },
  ],
  [
    "input 1,024 B, under an idempotency key",
    life(1_024, { scope: HASH }),
    { written: 7, entries: 12, read: 4, requests: 10 },
  ],
  [
    "input 1,024 B, with 10 heartbeats",
    life(1_024, { beats: 10 }),
    { written: 15, entries: 10, read: 2, requests: 17 },
  ],
  [
    "input 965 B, with a failed attempt",
    life(965, { failures: 1 }),
    { written: 10, entries: 16, read: 4, requests: 12 },
  ],
  [
    "input 1,024 B, with a failed attempt",
    life(1_024, { failures: 1 }),
    { written: 10, entries: 16, read: 4, requests: 12 },
  ],
];

// Another engine counts in its own way.
if (ENGINE !== "dynalite") console.warn("skipped: write units are held against what dynalite reports");
describe.skipIf(ENGINE !== "dynalite")("the capacity that a job consumes", () => {
  it.each(LIVES)("%s", async (title, life, expected) => {
    const { itemBytes, ...bill } = await cost(life);
    const { written, entries, read, requests } = bill;
    console.info(
      `${title}: ${written} write units, ${entries} index units, ${read} read units, ${requests} requests; item ${itemBytes} B at its end`,
    );
    expect(bill).toEqual(expected);
  });
});
