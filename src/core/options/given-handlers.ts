import type { Core } from "../engine/context.js";
import { noteDefinition } from "../engine/compose/same-definition.js";
import { WaybillError } from "../errors/errors.js";
import type { RuntimeHandler } from "../handler.js";

/** A handler as applications hold it. */
export interface Handler {
  readonly "~handler": RuntimeHandler;
}

/** What the engine runs of it. @throws WaybillError `config.invalid` when it is no list of handlers */
export function runtimeHandlers(core: Core, handlers: readonly Handler[]): readonly RuntimeHandler[] {
  const given: unknown = handlers;
  if (!Array.isArray(given) || !given.every(isHandler)) {
    throw new WaybillError("config.invalid", "handlers must be a list of what def.handle(…) returns.");
  }
  return given.map(({ "~handler": handler }) => {
    noteDefinition(core, handler.definition);
    return handler;
  });
}

function isHandler(value: unknown): value is Handler {
  return typeof value === "object" && value !== null && "~handler" in value;
}
