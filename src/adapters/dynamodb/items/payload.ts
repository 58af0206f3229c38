import { isWaybillError, StoreCorruptError, StoreUnavailableError } from "../../../core/errors/errors.js";
import type { StoredJob } from "../../../core/ports/store.js";
import type { ItemKey } from "../client/client.js";
import type { HotJob } from "./codec.js";
import type { PayloadPlace } from "./reader.js";
import type { Connection } from "../client/connection.js";
import { readItems, readOne } from "./items.js";
import { payloadKey } from "../names.js";
import { requireFits } from "./size.js";

type Part = "input" | "output";

/** @throws WaybillError `input.too_large` */
export function requirePayloadFits(part: Part, text: string, id: string): void {
  requireFits({ [part]: { S: text }, pk: { S: id } }, part === "input" ? "The input" : "The output", id);
}

/**
 * Stores a payload that has an item of its own, but for the tail that the job's item holds. As long as no job names it, it
 * is nothing.
 */
export async function putPayload(
  connection: Connection,
  id: string,
  { part, at, text }: { readonly part: Part; readonly at: PayloadPlace; readonly text: string },
): Promise<void> {
  if ("inline" in at) return;
  const own = text.slice(0, text.length - at.tail.length);
  await beforeTheJob(() => connection.put(payloadKey(id, part, at.nonce), { [part]: { S: own } }));
}

/** A step before the job's own item changes: whatever became of it, the job has not changed. */
export async function beforeTheJob<T>(step: () => Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (error) {
    if (!isWaybillError(error, "store.unavailable") || error.outcome === "not_applied") throw error;
    throw new StoreUnavailableError("DynamoDB did not take what belongs to a job.", {
      outcome: "not_applied",
      cause: error.cause,
    });
  }
}

/** Removes a payload that no job names, as well as may be: what is left goes with the job. */
export async function dropPayload(
  connection: Connection,
  id: string,
  part: Part,
  at: PayloadPlace | null,
): Promise<void> {
  if (at === null || "inline" in at) return;
  await asWellAsMayBe(() => connection.delete(payloadKey(id, part, at.nonce)));
}

/** Clearing up: that it fails changes nothing for the caller. */
export async function asWellAsMayBe(step: () => Promise<unknown>): Promise<void> {
  try {
    await step();
  } catch {
    // What is left over is found by purge, or is no longer named by anything.
  }
}

export function isSamePlace(one: PayloadPlace | null, other: PayloadPlace | null): boolean {
  if (one === null || other === null || "inline" in one || "inline" in other) return false;
  return one.nonce === other.nonce;
}

export interface AskedPayloads {
  readonly input?: boolean | undefined;
  readonly output?: boolean | undefined;
}

/**
 * Jobs with the payloads asked for; `null` stays `null`.
 *
 * @throws StoreCorruptError when a job names a payload that is not there
 */
export async function withPayloads(
  connection: Connection,
  jobs: readonly (HotJob | null)[],
  asked: AskedPayloads,
): Promise<readonly (StoredJob | null)[]> {
  const wanted = jobs.map((hot) => (hot === null ? [] : partsOf(hot, asked)));
  const keys = wanted.flat().flatMap(({ key }) => key ?? []);
  const items = keys.length === 0 ? [] : await readItems(connection, keys);
  let next = 0;
  const texts = wanted.map((parts) =>
    parts.map(({ part, key, here }) => {
      if (key === null) return { part, text: here };
      next += 1;
      const own = items[next - 1]?.[part]?.S;
      return { part, text: own === undefined ? undefined : own + here };
    }),
  );
  return Promise.all(
    jobs.map(async (hot, index) => {
      if (hot === null) return null;
      const found = texts[index] ?? [];
      const missing = found.find(({ text }) => text === undefined);
      if (missing === undefined)
        return { ...hot.job, ...Object.fromEntries(found.map(({ part, text }) => [part, text])) };
      return goneOrCorrupt(connection, hot, missing.part);
    }),
  );
}

type WantedPart =
  /** All of it is in the job's item; `null`: no output is stored. */
  | { readonly part: Part; readonly key: null; readonly here: string | null }
  /** What the job's item holds of it goes behind what its own item holds. */
  | { readonly part: Part; readonly key: ItemKey; readonly here: string };

function partsOf(hot: HotJob, asked: AskedPayloads): readonly WantedPart[] {
  const { id } = hot.job.record;
  const one = (part: Part, at: PayloadPlace | null): WantedPart => {
    if (at === null) return { part, key: null, here: null };
    return "inline" in at
      ? { part, key: null, here: at.inline }
      : { part, key: payloadKey(id, part, at.nonce), here: at.tail };
  };
  return [
    ...(asked.input === true ? [one("input", hot.input)] : []),
    ...(asked.output === true ? [one("output", hot.output)] : []),
  ];
}

/** Payloads go before the job when it is purged. */
async function goneOrCorrupt(connection: Connection, { job }: HotJob, part: Part): Promise<null> {
  const { id } = job.record;
  const again = await readOne(connection, id);
  if (again === null) return null;
  if (again.job.record.purgeAt !== null) return null;
  throw new StoreCorruptError(id, `no ${part}`);
}
