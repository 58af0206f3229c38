import type { Definition } from "../../definition.js";
import type { Json, JsonObject } from "../../json/json.js";
import { type JsonLimits, parseJsonText, toJsonText } from "../../json/json-text.js";

/** An input as the caller gave it, and what its schema made of it. */
interface CheckedInput {
  /** JSON text. */
  readonly given: string;
  readonly made: unknown;
}

/** What would be stored of an input whose schema made this of it; `null`: nothing that can be. */
type Draft = (made: unknown) => string | null;

/**
 * The text of an input to store, from which every later check makes what this one made: a default that is another one each time
 * (an id, an instant) is made once. What the schema made, where checking it again changes nothing; else what was given, with
 * what it lacked, where that lasts; else what was given. A promise only where the schema made something else than was given.
 */
export function textToStore(
  definition: Definition,
  input: CheckedInput,
  limits: JsonLimits,
): string | Promise<string> {
  const whole: Draft = (made) => {
    const text = toJsonText(made, limits);
    return text.ok ? text.text : null;
  };
  const isAsGiven = isWrittenAs(input.given, input.made) || whole(input.made) === input.given;
  return isAsGiven ? input.given : lasting(definition, input, limits, whole);
}

/** By the platform's own writer, in a third of the time. What it would change in silence, the text has changed already. */
function isWrittenAs(text: string, made: unknown): boolean {
  try {
    return JSON.stringify(made) === text;
  } catch {
    return false;
  }
}

async function lasting(
  definition: Definition,
  { given, made }: CheckedInput,
  limits: JsonLimits,
  whole: Draft,
): Promise<string> {
  const filled: Draft = (value) => whole(withWhatItLacked(parseJsonText(given), value, limits));
  for (const draft of [whole, filled]) {
    // The input itself is valid: a schema that fails over what it made itself must not stop a submit.
    const text = await lastingText(definition, made, draft).catch(() => null);
    if (text !== null) return text;
  }
  return given;
}

/** The draft, if a check of it leads to the same draft. */
async function lastingText(definition: Definition, made: unknown, draft: Draft): Promise<string | null> {
  const text = draft(made);
  if (text === null) return null;
  const again = await definition.checkInput(parseJsonText(text));
  return again.ok && draft(again.value) === text ? text : null;
}

/** What was given, with the properties that only what was made of it has, as far as JSON carries them. */
function withWhatItLacked(given: Json, made: unknown, limits: JsonLimits): Json {
  if (typeof given !== "object" || given === null || typeof made !== "object" || made === null) return given;
  if (isList(given)) {
    return Array.isArray(made) && made.length === given.length
      ? given.map((item, index) => withWhatItLacked(item, made[index], limits))
      : given;
  }
  if (Array.isArray(made)) return given;
  return { ...lacked(given, made, limits), ...inner(given, made, limits) };
}

function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}

function inner(given: JsonObject, made: object, limits: JsonLimits): JsonObject {
  const values = new Map(Object.entries(made));
  return Object.fromEntries(
    Object.entries(given).map(([key, value = null]) => [
      key,
      values.has(key) ? withWhatItLacked(value, values.get(key), limits) : value,
    ]),
  );
}

function lacked(given: JsonObject, made: object, limits: JsonLimits): JsonObject {
  const added = Object.entries(made).flatMap(([key, value]): [string, Json][] => {
    if (Object.hasOwn(given, key)) return [];
    const text = toJsonText(value, limits);
    return text.ok ? [[key, parseJsonText(text.text)]] : [];
  });
  return Object.fromEntries(added);
}
