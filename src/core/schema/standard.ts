import type { StandardSchemaV1 } from "@standard-schema/spec";
import type { Checked, Issue } from "../definition.js";
import { isThenable } from "../errors/foreign.js";

/** A schema of any library that speaks Standard Schema (zod, valibot, arktype …), sync or async. */
export type Schema = StandardSchemaV1;

/** What a schema takes. */
export type SchemaInput<S extends Schema> = StandardSchemaV1.InferInput<S>;
/** What it makes of it. */
export type SchemaOutput<S extends Schema> = StandardSchemaV1.InferOutput<S>;

/** More helps nobody who reads the message. */
const MAX_ISSUES = 20;
const MAX_TEXT = 300;

/** Whether a value is a Standard Schema. A schema of arktype is a function. */
export function isSchema(value: unknown): value is Schema {
  if ((typeof value !== "object" && typeof value !== "function") || value === null) return false;
  const standard = (value as { "~standard"?: { version?: unknown; validate?: unknown } | null })["~standard"];
  return standard?.version === 1 && typeof standard.validate === "function";
}

/**
 * Checks a value; a promise only where the schema gives one. Throws, or rejects, only if the schema itself does: then nothing
 * is known about the value, and it must not be called invalid.
 */
export function checkWith(schema: Schema, value: unknown): Checked | Promise<Checked> {
  const result = schema["~standard"].validate(value);
  return isThenable(result) ? checkLater(result) : checkedOf(result);
}

async function checkLater(result: PromiseLike<StandardSchemaV1.Result<unknown>>): Promise<Checked> {
  return checkedOf(await result);
}

function checkedOf(result: StandardSchemaV1.Result<unknown>): Checked {
  // By the specification a falsy `issues` is success, and a failure has at least one.
  if (!result.issues) return { ok: true, value: result.value };
  const issues = result.issues.slice(0, MAX_ISSUES).map(issueOf);
  return { ok: false, issues: issues.length > 0 ? issues : [{ path: "", message: "is not valid" }] };
}

function issueOf(issue: StandardSchemaV1.Issue): Issue {
  const path = (issue.path ?? []).map((part) => String(typeof part === "object" ? part.key : part)).join(".");
  return { path: cut(path), message: cut(withoutValue(issue)) };
}

/** arktype (`actual`) and valibot (`received`) put the value into the message; a name of a type may stay. */
function withoutValue(issue: StandardSchemaV1.Issue): string {
  const { actual, received } = issue as { actual?: unknown; received?: unknown };
  let { message } = issue;
  for (const seen of [actual, received]) {
    if (typeof seen === "string" && !/^[A-Za-z ]*$/.test(seen)) message = message.replaceAll(seen, "…");
  }
  return message;
}

function cut(text: string): string {
  return text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT - 1)}…` : text;
}
