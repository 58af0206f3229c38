// How jobs lie in the engine: a row each, and keys that lead to it, which change in the same commit.
import { isWaybillError } from "waybill";
import { hasGivenUp, readyInstant, statusIndexOf, type StoredRow } from "waybill/store-kit";
import type { Engine, Entry, Range } from "./engine.js";

const PAGE = 100;

/** Instants that are equally long sort as numbers do. */
export function instant(ms: number): string {
  return String(ms).padStart(16, "0");
}

/** A text of users may hold anything, our separator too. */
export function hex(text: string): string {
  return Buffer.from(text, "utf16le").toString("hex");
}

/** Everything below a prefix that ends in "/". */
export function under(prefix: string): Pick<Range, "after" | "below"> {
  return { after: prefix, below: `${prefix.slice(0, -1)}0` };
}

/** What lies in an index of instants up to now. */
export function upTo(index: string, nowMs: number): Pick<Range, "after" | "below"> {
  return { after: `${index}/`, below: `${index}/${instant(nowMs + 1)}` };
}

export function refPrefix(kind: string, refKey: string): string {
  return `ref/${hex(kind)}/${hex(refKey)}/`;
}

/** The keys that lead to a row. A settled job is in none that work goes through. */
export function indexOf({ record, cursors }: StoredRow): ReadonlyMap<string, string> {
  const { id, kind, createdAt, status, wakeAt, purgeAt, token, scope, awaiting } = record;
  const place = `${instant(createdAt)}/${id}`;
  const readyAt = readyInstant(record);
  const index = new Map([[`created/${place}`, ""]]);
  const listed = statusIndexOf(status);
  if (listed !== null) index.set(`${listed}/${place}`, "").set(`${listed} of ${hex(kind)}/${place}`, "");
  if (scope !== null) index.set(`scope/${hex(scope)}`, id);
  if (wakeAt !== null) index.set(`wake/${instant(wakeAt)}/${id}`, "");
  if (readyAt !== null) index.set(`ready/${instant(readyAt)}/${id}`, kind);
  if (token !== null) index.set(`held/${hex(token)}/${id}`, "");
  if (purgeAt !== null) index.set(`purge/${instant(purgeAt)}/${id}`, "");
  if (hasGivenUp(cursors)) index.set(`undelivered/${place}`, "");
  for (const refKey of awaiting?.refKeys ?? []) index.set(refPrefix(kind, refKey) + place, "");
  return index;
}

/** For calls that meet rows they were not asked for by id: what cannot be read is noted, and in nobody's way. */
export function notingUnreadable(ids: string[]): (error: unknown) => null {
  return (error) => {
    if (!isWaybillError(error, "store.corrupt") || error.jobId === undefined) throw error;
    ids.push(error.jobId);
    return null;
  };
}

/** What a reply says of them. */
export function toldOf(ids: readonly string[]): { readonly unreadable?: readonly string[] } {
  return ids.length === 0 ? {} : { unreadable: ids };
}

/** The keys of a range, page by page, as they are when their page is read. */
export async function* keysIn(engine: Engine, range: Omit<Range, "limit">): AsyncGenerator<Entry> {
  for (let rest = range; ;) {
    const page = await engine.scan({ ...rest, limit: PAGE });
    yield* page;
    const last = page.at(-1)?.key;
    if (last === undefined || page.length < PAGE) return;
    rest = range.newestFirst === true ? { ...rest, below: last } : { ...rest, after: last };
  }
}

/** The id at the end of a key. */
export function idIn(key: string): string {
  return key.slice(key.lastIndexOf("/") + 1);
}

/** The instant at the beginning of a key of `upTo`. */
export function instantIn(key: string): number {
  return Number(key.split("/")[1]);
}
