import type { Projection } from "../definition.js";
import { fail, isRecord, onlyKnown, optionalFunction } from "./check.js";

/** Reads the option `project`. What its functions give is judged where it is used, which is never in a browser. */
export function projectionOf(
  where: string,
  given: unknown,
  schemas: { readonly output: unknown; readonly progress: unknown },
): Projection {
  if (given !== undefined && !isRecord(given)) {
    throw fail(`${where}: project must be an object with output, progress, metadata or actor.`);
  }
  const options = given ?? {};
  onlyKnown(`${where}: project`, options, ["output", "progress", "metadata", "actor"]);
  for (const part of ["output", "progress"] as const) {
    if (options[part] !== undefined && schemas[part] === null)
      throw fail(`${where}: project.${part} needs ${part}, a schema.`);
  }
  const projecting = (part: keyof Projection) => optionalFunction(where, `project.${part}`, options[part]);
  return {
    output: projecting("output"),
    progress: projecting("progress"),
    metadata: projecting("metadata"),
    actor: projecting("actor"),
  };
}
