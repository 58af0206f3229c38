import type { WriteItem } from "../../../core/ports/store.js";
import type { ChangingFields } from "../../../core/job/record.js";
import { type Column, encodeField, PATCH_COLUMNS } from "./columns.js";
import { guardOf, knownStatus } from "./guard.js";
import { refKeysOf } from "./refs.js";

type PatchField = keyof Omit<ChangingFields, "history">;

/** A value of an item, as it stands in the batch's JSON. */
interface Cell {
  /** With quotes, colon, and the comma before it. */
  readonly key: string;
  readonly declared: string;
  readonly valueOf: (item: WriteItem) => unknown;
}

/**
 * What items have in common that set the same columns under the same kind of guard: they share an update. What is the same
 * for all of them (a status, nothing) is part of the statement, so a row carries only what differs.
 */
export interface Lane {
  readonly assignments: string;
  readonly guard: string;
  readonly cells: readonly Cell[];
}

const APPENDED = "case j.history when '' then w.entries else j.history || ',' || w.entries end";

/** Made once for each sort of change; there are as many as there are decisions. */
const MAX_KEPT = 500;
const kept = new Map<string, Lane>();

/** The lane of an item, by what it sets and what it asks for. */
export function laneOf(item: WriteItem): Lane {
  const signature = signatureOf(item);
  let lane = kept.get(signature);
  if (lane === undefined) {
    lane = makeLane(item);
    if (kept.size >= MAX_KEPT) kept.clear();
    kept.set(signature, lane);
  }
  return lane;
}

/** An item's row in the batch of its statement, where its lane has this number. */
export function rowOf(item: WriteItem, { cells }: Lane, number: number): string {
  let text = `{"id":"${item.id}","lane":${number}`;
  for (const { key, valueOf } of cells) text += key + JSON.stringify(valueOf(item));
  return `${text}}`;
}

/** The columns that the rows of some lanes have between them. */
export function columnsOf(lanes: Iterable<Lane>): string {
  const declared = new Set(["id text", "lane integer"]);
  for (const { cells } of lanes) for (const cell of cells) declared.add(cell.declared);
  return [...declared].join(", ");
}

function signatureOf({ guard, patch, history, leaseMs, output }: WriteItem): string {
  let signature =
    `${guard.status}${guard.token === null ? "-" : "+"}${guard.dispatch === undefined ? "-" : "+"}` +
    `${guard.expiredLease === undefined ? "-" : "+"}${leaseMs === undefined ? "-" : "+"}${output === undefined ? "-" : "+"}` +
    ("replace" in history ? "r" : history.append === "" ? "-" : "a");
  for (const field in patch) {
    const value = patch[field as PatchField];
    if (value === undefined) continue;
    signature +=
      value === null ? `,-${field}` : field === "status" ? `,status=${patch.status ?? ""}` : `,${field}`;
  }
  return signature;
}

function makeLane(item: WriteItem): Lane {
  const { patch, history, leaseMs, output } = item;
  const cells: Cell[] = [];
  const assignments: string[] = [];
  const cell = (name: string, type: string, valueOf: Cell["valueOf"]): void => {
    cells.push({ key: `,"${name}":`, declared: `${name} ${type}`, valueOf });
  };
  for (const [field, column] of Object.entries(PATCH_COLUMNS) as [PatchField, Column][]) {
    const value = patch[field];
    if (value === undefined || (field === "leaseUntil" && leaseMs !== undefined)) continue;
    if (value === null) assignments.push(`${column.name} = null`);
    else if (field === "status")
      assignments.push(`status = '${knownStatus(patch.status ?? item.guard.status)}'`);
    else {
      assignments.push(`${column.name} = w.${column.name}`);
      cell(column.name, column.type, (one) => encodeField(column, one.patch[field]));
    }
  }
  if (patch.awaiting === null) assignments.push("ref_keys = null");
  else if (patch.awaiting !== undefined) {
    assignments.push("ref_keys = w.ref_keys");
    cell("ref_keys", "text[]", (one) => refKeysOf(one.patch.awaiting ?? null));
  }
  if ("replace" in history || history.append !== "") {
    assignments.push(`history = ${"replace" in history ? "w.entries" : APPENDED}`);
    cell("entries", "text", ({ history: h }) => ("replace" in h ? h.replace : h.append));
  }
  if (output !== undefined) {
    assignments.push("output = w.output");
    cell("output", "text", (one) => one.output);
  }
  if (leaseMs !== undefined) {
    assignments.push("lease_until = clock.ms + w.lease_ms");
    cell("lease_ms", "bigint", (one) => one.leaseMs);
  }
  const { sql, cells: guarded } = guardOf(item.guard);
  for (const { name, type, valueOf } of guarded) cell(name, type, (one) => valueOf(one.guard));
  return { assignments: assignments.join(", "), guard: sql, cells };
}
