import type { Checked, Definition } from "../definition.js";
import { configInvalid } from "../errors/config-invalid.js";
import { hearPromises } from "../errors/foreign.js";
import { checkWith, isSchema, type Schema } from "../schema/standard.js";
import { fail, isRecord, keptMs, onlyKnown, optionalFunction, positiveInteger, positiveMs } from "./check.js";
import { messagesOf } from "./words/messages.js";
import { projectionOf } from "./project.js";
import { refKeysOf } from "./ref-keys.js";
import { wordsOf } from "./words/words.js";

const OPTIONS = [
  "kind",
  "input",
  "output",
  "progress",
  "phases",
  "external",
  "words",
  "messages",
  "project",
  "subject",
  "percent",
  "expectedMs",
  "retry",
  "leaseMs",
  "deadlineMs",
  "retainMs",
  "queue",
  "refKeys",
  "handOver",
];

/** Parts joined by dots. */
const KIND_PATTERN = /^[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*$/;
const MAX_NAME_CHARS = 128;
const MAX_SUBJECT_CHARS = 256;

/** In words and messages `default` says what holds for every other phase; `__proto__` is no key of its own. */
const RESERVED: ReadonlySet<string> = new Set(["default", "__proto__"]);

/** Makes the engine's definition of a kind out of the options of `defineJob`, after checking each. */
export function makeDefinition(options: unknown): Definition {
  if (!isRecord(options)) throw fail("defineJob takes an object with kind and input.");
  const kind = kindOf(options["kind"]);
  const where = `The job "${kind}"`;
  const here = new Error();
  onlyKnown(where, options, OPTIONS);
  const phases = phasesOf(where, options["phases"]);
  const schemas = schemasOf(where, options);
  const subject = optionalFunction(where, "subject", options["subject"]);
  const percent = optionalFunction(where, "percent", options["percent"]);
  const refKeys = optionalFunction(where, "refKeys", options["refKeys"]);
  if (percent !== null && schemas.progress === null)
    throw fail(`${where}: percent needs progress, a schema.`);
  if (refKeys !== null && schemas.ref === null) throw fail(`${where}: refKeys needs external, a schema.`);
  const { wordOf, statusesOf } = wordsOf(where, options["words"], phases);
  const { readInput, messageOf } = messagesOf(where, options["messages"], phases);
  return {
    kind,
    madeAt: () => here.stack,
    external: schemas.ref !== null,
    phases,
    queue: queueOf(where, options["queue"]),
    handOver: handOverOf(where, options),
    retry: retryOf(where, options["retry"]),
    leaseMs: positiveMs(where, "leaseMs", options["leaseMs"]),
    deadlineMs: positiveMs(where, "deadlineMs", options["deadlineMs"]),
    retainMs: keptMs(where, "retainMs", options["retainMs"]),
    expectedMs: positiveMs(where, "expectedMs", options["expectedMs"]),
    project: projectionOf(where, options["project"], schemas),
    messagesReadInput: readInput,
    checkInput: (value) => checkWith(schemas.input, value),
    checkOutput: (value) =>
      schemas.output === null ? checkNothing(value) : checkWith(schemas.output, value),
    checkProgress: (value) => checkOptional(schemas.progress, "progress", value),
    checkRef: (value) => checkOptional(schemas.ref, "external", value),
    subjectOf: (input) => (subject === null ? null : subjectOf(where, subject, input)),
    percentOf: (progress) => (percent === null ? null : percentOf(percent, progress)),
    refKeysOf: (ref) => refKeysOf(ref, refKeys),
    wordOf,
    statusesOf,
    messageOf,
  };
}

function handOverOf(where: string, options: Readonly<Record<string, unknown>>): "own" | null {
  const { handOver = "queue", deadlineMs, queue } = options;
  if (handOver === "queue") return null;
  if (handOver !== "own") throw fail(`${where}: handOver must be "queue" or "own".`);
  if (deadlineMs === undefined)
    throw fail(
      `${where}: handOver "own" needs deadlineMs, since nobody else notices a message that got lost.`,
    );
  if (queue !== undefined) throw fail(`${where}: handOver "own" takes no queue.`);
  return "own";
}

function kindOf(kind: unknown): string {
  if (typeof kind === "string" && kind.length <= MAX_NAME_CHARS && KIND_PATTERN.test(kind)) return kind;
  throw fail(
    `kind must be a name of at most ${MAX_NAME_CHARS} characters: A-Z a-z 0-9 _ -, in parts joined by dots.`,
  );
}

interface Schemas {
  readonly input: Schema;
  readonly output: Schema | null;
  readonly progress: Schema | null;
  readonly ref: Schema | null;
}

function schemasOf(where: string, options: Readonly<Record<string, unknown>>): Schemas {
  const { input } = options;
  if (!isSchema(input)) throw fail(`${where} needs input, a Standard Schema (zod, valibot, arktype …).`);
  const optional = (name: string): Schema | null => {
    const schema = options[name];
    if (schema === undefined) return null;
    if (!isSchema(schema))
      throw fail(`${where}: ${name} must be a Standard Schema (zod, valibot, arktype …).`);
    return schema;
  };
  return { input, output: optional("output"), progress: optional("progress"), ref: optional("external") };
}

function phasesOf(where: string, given: unknown): readonly string[] {
  if (given === undefined) return [];
  if (!Array.isArray(given) || given.length === 0)
    throw fail(`${where}: phases must be a list of names, in order.`);
  const phases = new Set<string>();
  for (const phase of given as readonly unknown[]) {
    if (typeof phase !== "string" || phase === "" || phase.length > MAX_NAME_CHARS) {
      throw fail(`${where}: each of phases must be a name of 1 to ${MAX_NAME_CHARS} characters.`);
    }
    if (RESERVED.has(phase)) throw fail(`${where}: "${phase}" cannot be the name of a phase.`);
    if (phases.has(phase)) throw fail(`${where}: the phase "${phase}" is there twice.`);
    phases.add(phase);
  }
  return [...phases];
}

function queueOf(where: string, queue: unknown): string | null {
  if (queue === undefined) return null;
  if (typeof queue === "string" && queue !== "" && queue.length <= MAX_NAME_CHARS) return queue;
  throw fail(`${where}: queue must be the name of one of the queues given to createWaybill.`);
}

function retryOf(where: string, given: unknown): Definition["retry"] {
  if (given === undefined) return {};
  if (!isRecord(given)) throw fail(`${where}: retry must be an object with maxAttempts, baseMs or capMs.`);
  onlyKnown(`${where}: retry`, given, ["maxAttempts", "baseMs", "capMs"]);
  const maxAttempts = positiveInteger(where, "retry.maxAttempts", given["maxAttempts"]);
  const baseMs = positiveMs(where, "retry.baseMs", given["baseMs"]);
  const capMs = positiveMs(where, "retry.capMs", given["capMs"]);
  if (baseMs !== null && capMs !== null && baseMs > capMs) {
    throw fail(`${where}: retry.baseMs must not be longer than retry.capMs.`);
  }
  return {
    ...(maxAttempts === null ? {} : { maxAttempts }),
    ...(baseMs === null ? {} : { baseMs }),
    ...(capMs === null ? {} : { capMs }),
  };
}

/** A kind without output: what is not said is nothing. */
function checkNothing(value: unknown): Checked {
  if (value === undefined || value === null) return { ok: true, value: null };
  return { ok: false, issues: [{ path: "", message: "is there, but the kind has no output" }] };
}

async function checkOptional(schema: Schema | null, option: string, value: unknown): Promise<Checked> {
  if (schema !== null) return checkWith(schema, value);
  return { ok: false, issues: [{ path: "", message: `is there, but the kind has no ${option}` }] };
}

type Fn = (...args: unknown[]) => unknown;

function subjectOf(where: string, derive: Fn, input: unknown): string | null {
  let subject: unknown;
  try {
    subject = derive(input);
  } catch (cause) {
    throw configInvalid(`${where}: subject threw for a valid input.`, { cause });
  }
  if (subject === undefined || subject === null) return null;
  hearPromises(subject);
  if (typeof subject === "string" && subject !== "" && subject.length <= MAX_SUBJECT_CHARS) return subject;
  throw fail(`${where}: subject must give a text of 1 to ${MAX_SUBJECT_CHARS} characters, or nothing.`);
}

function percentOf(derive: Fn, progress: unknown): number | null {
  try {
    const percent = derive(progress);
    hearPromises(percent);
    // NaN is 0 of 0: nothing is known yet.
    if (typeof percent !== "number" || Number.isNaN(percent)) return null;
    return Math.min(1, Math.max(0, percent));
  } catch {
    return null;
  }
}
