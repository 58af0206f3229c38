import { DynamoDBClient, paginateScan } from "@aws-sdk/client-dynamodb";
import { ownOf } from "./api.js";
import { auditList } from "./audit.js";
import { type OpenOptions, openWaybill } from "./open-waybill.js";
import { readOwn } from "./own-attributes.js";
import type { Received } from "./receiver.js";

/** A message, as a store has it. */
export interface Recorded {
  readonly message: string;
  readonly status: string;
  readonly trail: readonly string[];
  readonly outcomes: number;
  /** `name`, `ttl` and `data` are what was written, byte by byte. */
  readonly ownKept: boolean;
}

export interface Verdict {
  readonly records: readonly Recorded[];
  readonly completed: number;
  /** Records that wait, with nothing that would ever send them. */
  readonly waiting: readonly string[];
  readonly delivered: ReadonlySet<string>;
  readonly deliveredTwice: readonly string[];
  readonly ownKept: number;
  readonly isTrue: boolean;
}

/** Asks the store, with connections of its own, and compares with the receiver's log. What cannot be read counts as wrong. */
export async function judgeWaybill(
  options: OpenOptions,
  owner: string,
  expected: readonly { readonly id: string; readonly text: string }[],
  receiverLog: string,
): Promise<Verdict> {
  const { waybill, dynamodb, close } = openWaybill(options);
  const textOf = new Map(expected.map(({ id, text }) => [id, text]));
  try {
    const records: Recorded[] = [];
    for await (const { message, jobId, status, trail, outcomes } of auditList(waybill, owner)) {
      const own = await readOwn(dynamodb, options.table, jobId);
      records.push({
        ...{ message, status, trail, outcomes },
        ownKept: own !== null && isSame(own, ownOf({ id: message, text: textOf.get(message) ?? "" })),
      });
    }
    return judged(records, expected.length, await logOf(receiverLog, "/waybill"));
  } finally {
    await close();
  }
}

/** The same questions, of the naive build's own table. */
export async function judgeNaive(table: string, expected: number, receiverLog: string): Promise<Verdict> {
  const client = new DynamoDBClient();
  try {
    const records: Recorded[] = [];
    for await (const { Items = [] } of paginateScan({ client }, { TableName: table, ConsistentRead: true })) {
      for (const { id, text, status, trail, name, ttl, data } of Items) {
        const own = { name: name?.S ?? "", ttl: Number(ttl?.N), data: data?.B ?? new Uint8Array() };
        const words = (trail?.L ?? []).map(({ S = "" }) => S);
        records.push({
          message: id?.S ?? "",
          status: status?.S ?? "",
          trail: words,
          outcomes: words.filter((word) => word === "COMPLETED" || word === "FAILED").length,
          ownKept: isSame(own, ownOf({ id: id?.S ?? "", text: text?.S ?? "" })),
        });
      }
    }
    return judged(records, expected, await logOf(receiverLog, "/naive"));
  } finally {
    client.destroy();
  }
}

function judged(records: readonly Recorded[], expected: number, log: readonly Received[]): Verdict {
  const times = new Map<string, number>();
  for (const { key } of log) times.set(key, (times.get(key) ?? 0) + 1);
  const completed = records.filter(({ status, outcomes }) => status === "COMPLETED" && outcomes === 1).length;
  const deliveredTwice = [...times].filter(([, count]) => count > 1).map(([key]) => key);
  const delivered = new Set(log.map(({ message }) => message));
  const ownKept = records.filter((record) => record.ownKept).length;
  const counts = [records.length, completed, delivered.size, ownKept];
  return {
    ...{ records, completed, delivered, deliveredTwice, ownKept },
    waiting: records
      .filter(({ status }) => status === "PENDING" || status === "QUEUED")
      .map(({ message }) => message),
    isTrue: expected > 0 && counts.every((count) => count === expected) && deliveredTwice.length === 0,
  };
}

async function logOf(url: string, path: string): Promise<readonly Received[]> {
  const log = (await (await fetch(url)).json()) as readonly Received[];
  return log.filter((received) => received.path === path);
}

function isSame(a: ReturnType<typeof ownOf>, b: ReturnType<typeof ownOf>): boolean {
  return a.name === b.name && a.ttl === b.ttl && Buffer.compare(a.data, b.data) === 0;
}
