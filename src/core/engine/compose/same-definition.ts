import type { Definition } from "../../definition.js";
import type { Core } from "../context.js";
import { placesOf } from "./made-at.js";

/** Kinds that each Waybill has warned of. */
const told = new WeakMap<Core, Set<string>>();

/**
 * Warns, once a kind, of another definition object than the composition was made with: after a hot reload that kept the
 * Waybill, or from a second copy of the application's definitions. Inputs are checked, and words and subjects made, by the
 * first, while a handler checks what it returns by its own; where the two differ, jobs fail that should not. The warning says
 * where each was made, as far as the runtime tells.
 */
export function noteDefinition(core: Core, definition: Definition): void {
  const { kind } = definition;
  const own = core.definitions.get(kind);
  if (own === undefined || own === definition) return;
  const kinds = told.get(core) ?? new Set();
  told.set(core, kinds);
  if (kinds.has(kind)) return;
  kinds.add(kind);
  core.logger.warn(
    "a job or handler came with another definition of its kind than this Waybill was made with; make a new Waybill where " +
      "definitions are loaded anew",
    { kind, ...placesOf(own, definition) },
  );
}
