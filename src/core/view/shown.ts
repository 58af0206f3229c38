import type { Definition, Projection } from "../definition.js";
import { WaybillError } from "../errors/errors.js";
import { hearPromises } from "../errors/foreign.js";
import type { ServerEvent, ShownOfEvent } from "../job/event.js";
import type { Json } from "../json/json.js";
import { toJsonText } from "../json/json-text.js";

/** What the kind says of it. */
export type Projecting = Pick<Definition, "kind" | "project">;

/** What of an event's metadata and actor may leave the server. */
export function shownOf(
  definition: Projecting,
  { metadata, actor }: Pick<ServerEvent, "metadata" | "actor">,
): ShownOfEvent {
  return { ...metadataOf(definition, metadata), ...actorOf(definition, actor) };
}

export function metadataOf(definition: Projecting, metadata: Json): { readonly metadata?: Json } {
  return definition.project.metadata === null ? {} : { metadata: through(definition, "metadata", metadata) };
}

function actorOf(definition: Projecting, actor: string | null): { readonly actor?: string | null } {
  if (definition.project.actor === null) return {};
  const name = through(definition, "actor", actor);
  if (name === null || typeof name === "string") return { actor: name };
  throw invalid(definition, "actor", "must give a text, or null.");
}

/** What is not there has nothing to leave out. */
export function through(definition: Projecting, part: keyof Projection, value: Json): Json {
  return value === null ? null : projected(definition, part, value);
}

/** Never what is stored instead: a view that fails is noticed, one that shows too much is not. */
export function projected(definition: Projecting, part: keyof Projection, value: unknown): Json {
  const project = definition.project[part];
  if (project === null) return value as Json;
  let made: unknown;
  try {
    made = project(value);
  } catch (cause) {
    throw invalid(definition, part, "threw.", cause);
  }
  const text = toJsonText(made, { maxBytes: Infinity });
  if (text.ok) return made as Json;
  hearPromises(made);
  const { path, message } = text;
  throw invalid(definition, part, `must give JSON, but ${path === "" ? "what it gave" : path} ${message}.`);
}

function invalid({ kind }: Projecting, part: string, what: string, cause?: unknown): WaybillError {
  const facts = cause === undefined ? {} : { cause };
  return new WaybillError("config.invalid", `The job "${kind}": project.${part} ${what}`, facts);
}
