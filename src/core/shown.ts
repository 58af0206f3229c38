import type { Definition } from "./definition.js";
import type { ServerEvent, ShownOfEvent } from "./event.js";
import type { Json } from "./json.js";

/** What the kind says of it. */
export type Projecting = Pick<Definition, "project">;

/** What of an event's metadata and actor may leave the server. */
export function shownOf(
  { project }: Projecting,
  { metadata, actor }: Pick<ServerEvent, "metadata" | "actor">,
): ShownOfEvent {
  return {
    ...metadataOf({ project }, metadata),
    ...(project.actor === null ? {} : { actor: actor === null ? null : project.actor(actor) }),
  };
}

export function metadataOf({ project }: Projecting, metadata: Json): { readonly metadata?: Json } {
  return project.metadata === null ? {} : { metadata: through(project.metadata, metadata) };
}

/** What is not there has nothing to leave out. */
export function through(project: ((value: Json) => Json) | null, value: Json): Json {
  return value === null || project === null ? value : project(value);
}
