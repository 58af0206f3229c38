import { edited, type Guard, guardsOf } from "./guards.js";

/** A guard to be taken out, in one of its ways. */
export interface Deletion {
  readonly key: string;
  readonly way: number;
}

/** Tables are made once, by statements of another kind: what they refuse has tests of its own. */
const IS_MUTABLE = /^\s*(with|select|update|insert|delete|begin immediate)\b/i;

/** `begin immediate` is what keeps a read and the write that rests on it together. */
function guardsIn(sql: string): readonly Guard[] {
  if (!/^\s*begin/i.test(sql)) return guardsOf(sql);
  const end = sql.length;
  return [{ key: "begin ⟦immediate⟧", ways: [[{ start: 0, end, text: "begin" }]] }];
}

/** Stands between a store and its driver: notes what statements there are, and takes one guard out of them. */
export class Mutator {
  /** The guards of each statement that was sent, by its text as the store has it. */
  readonly known = new Map<string, readonly Guard[]>();
  /** Texts with a guard taken out that the engine could not even read: a fault of the deletion and no test's merit. */
  readonly unreadable = new Set<string>();
  /** What was sent since it was last emptied. */
  readonly sent = new Set<string>();
  deletion: Deletion | null = null;

  /** What is sent instead of a statement. */
  changed(sql: string): string {
    if (!IS_MUTABLE.test(sql)) return sql;
    let guards = this.known.get(sql);
    if (guards === undefined) this.known.set(sql, (guards = guardsIn(sql)));
    this.sent.add(sql);
    const { deletion } = this;
    const guard = deletion === null ? undefined : guards.find(({ key }) => key === deletion.key);
    const edits = guard?.ways[deletion?.way ?? 0];
    return edits === undefined ? sql : edited(sql, edits);
  }
}
