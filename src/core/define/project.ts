import type { Projection } from "../definition.js";
import { WaybillError } from "../errors.js";
import type { Json } from "../json.js";
import { toJsonText } from "../json-text.js";
import { fail, isRecord, onlyKnown, optionalFunction } from "./check.js";

/** Reads the option `project`. */
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
  const projecting = (part: keyof Projection): ((value: unknown) => Json) | null => {
    const name = `project.${part}`;
    const project = optionalFunction(where, name, options[part]);
    return project === null ? null : (value) => projected(`${where}: ${name}`, project, value);
  };
  const actor = projecting("actor");
  return {
    output: projecting("output"),
    progress: projecting("progress"),
    metadata: projecting("metadata"),
    actor: actor === null ? null : (name) => nameOrFail(`${where}: project.actor`, actor(name)),
  };
}

/** Never what is stored instead: a view that fails is noticed, one that shows too much is not. */
function projected(where: string, project: (value: unknown) => unknown, value: unknown): Json {
  let made: unknown;
  try {
    made = project(value);
  } catch (cause) {
    throw new WaybillError("config.invalid", `${where} threw.`, { cause });
  }
  const text = toJsonText(made, { maxBytes: Infinity });
  if (text.ok) return made as Json;
  throw fail(`${where} must give JSON${text.path === "" ? "" : `, but ${text.path}`} ${text.message}.`);
}

function nameOrFail(where: string, name: Json): string | null {
  if (name === null || typeof name === "string") return name;
  throw fail(`${where} must give a text, or null.`);
}
