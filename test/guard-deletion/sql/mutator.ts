import { TextMutator } from "../mutator.js";
import { type Guard, guardsOf } from "./guards.js";

/** Tables are made once, by statements of another kind: what they refuse has tests of its own. */
const IS_MUTABLE = /^\s*(with|select|update|insert|delete|begin immediate)\b/i;

/** `begin immediate` is what keeps a read and the write that rests on it together. */
function guardsIn(sql: string): readonly Guard[] | null {
  if (!IS_MUTABLE.test(sql)) return null;
  if (!/^\s*begin/i.test(sql)) return guardsOf(sql);
  const end = sql.length;
  return [{ key: "begin ⟦immediate⟧", ways: [[{ start: 0, end, text: "begin" }]] }];
}

export function sqlMutator(): TextMutator {
  return new TextMutator(guardsIn);
}
