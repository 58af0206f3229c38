import { StoreCorruptError } from "../../../core/errors/errors.js";
import type { Json } from "../../../core/json/json.js";
import type { JobStatus } from "../../../core/job/lifecycle.js";
import { type Awaiting, isStoreQueued, type JobRecord } from "../../../core/job/record.js";
import {
  encodeCount,
  encodeInstant,
  instantsOf,
  LETTERS,
  NO_INSTANT,
  NOTHING_SELDOM,
  REFS_LETTER,
  SELDOM,
  SELDOM_LETTERS,
  seldomOf,
  statusOf,
} from "./fixed-width.js";
import { decodeOptional, decodeText, encodeOptional, encodeText } from "./text.js";

// A document, line by line:
//   1 cursors stored (0, 1), status, who hands over (s: the store, q: a queue, o: the application), notifiers (n, o), where the input is (d: here, k: in a key of its
//     own), eleven instants of fixed width
//   2 format, version, dispatch, attempt, fence
//   3 token
//   4 worker
//   5 what is seldom set: a tab, a letter, JSON
//   6 what never changes: kind, owner, subject, scope, instant of creation, JSON, a short input, between tabs
//   7 the history, which is whatever is behind

const HEAD_CHARS = 170;
const FIRST_INSTANT = 5;
const MINUS = 45;
const INPUT_PLACE = 4;
const INPUT_HERE = "d";
const INPUT_APART = "k";

/**
 * An input that is no longer is kept in the document: a key of its own is a sixth of the work of a create. A longer one
 * would be copied by every later write, and costs more there than it saves here.
 */
const SHORT_INPUT_CHARS = 128;
const SEPARATORS = /[\t\n]/;

/** Whether the document holds the input too. */
export function holdsInput(input: string): boolean {
  return input.length <= SHORT_INPUT_CHARS && !SEPARATORS.test(input);
}

/** A text on a line of its own, which may be absent. */
export function encodeLine(text: string | null): string {
  return text === null ? "-" : JSON.stringify(text);
}

/** One seldom set part behind its letter. What is `null` is not stored; a patch says so with nothing behind the letter. */
export function encodeSeldom(letter: string, value: unknown): string {
  return value === null ? letter : `${letter}${JSON.stringify(value)}`;
}

/** The keys of outside work, as the index has them. `=` in front: a key may be empty, a part between separators not. */
export function encodeRefs(awaiting: Awaiting | null): string {
  const keys = awaiting?.refKeys.map((key) => `=${encodeText(key)}`) ?? [];
  return `\t${REFS_LETTER}${keys.join("\u0001")}`;
}

/**
 * A whole record as it is stored at create, without cursors.
 *
 * @param input - `null`: it has a key of its own
 */
export function encodeDocument(record: JobRecord, input: string | null): string {
  const { status, queue, notifiers, recordVersion, version, dispatch, attempt, fence } = record;
  const handsOver = isStoreQueued(record) ? "s" : queue === null ? "o" : "q";
  const notifies = notifiers.length > 0 ? "n" : "o";
  let text = `0${LETTERS[status]}${handsOver}${notifies}${input === null ? INPUT_APART : INPUT_HERE}`;
  for (const instant of instantsOf(record)) text += encodeInstant(instant ?? null);
  return (
    `${text}${encodeInstant(record.deadlineAt)}\n${encodeCount(recordVersion)} ${encodeCount(version)} ` +
    `${encodeCount(dispatch)} ${encodeCount(attempt)} ${encodeCount(fence)}\n${encodeLine(record.token)}\n` +
    `${encodeLine(record.worker)}\n${encodeAllSeldom(record)}\n${encodeFixed(record)}` +
    `${input === null ? "" : `\t${input}`}\n${record.history}`
  );
}

function encodeAllSeldom(record: JobRecord): string {
  const values = seldomOf(record);
  let text = "";
  for (let place = 0; place < values.length; place += 1) {
    const value = values[place];
    if (value !== NOTHING_SELDOM_VALUES[place]) text += encodeSeldom(SELDOM_LETTERS[place] ?? "", value);
  }
  return record.awaiting === null ? text : text + encodeRefs(record.awaiting);
}

function encodeFixed(record: JobRecord): string {
  const { kind, owner, subject, scope, createdAt } = record;
  const { metadata, queue, maxAttempts, notifiers, origin, inputHash, retainMs, handOver, trace } = record;
  const seldom = handOver === null && trace === null ? "" : `,${jsonOf(handOver)},${JSON.stringify(trace)}`;
  return (
    `${encodeText(kind)}\t${encodeOptional(owner)}\t${encodeOptional(subject)}\t${encodeOptional(scope)}` +
    `\t${encodeCount(createdAt)}\t[${jsonOf(metadata)},${jsonOf(queue)},${maxAttempts},` +
    `${notifiers.length === 0 ? "[]" : JSON.stringify(notifiers)},${jsonOf(origin)},${jsonOf(inputHash)},${retainMs}${seldom}]`
  );
}

/** Most of these are absent, and to be told so by `JSON.stringify` takes longer than all else. */
function jsonOf(value: Json): string {
  return value === null ? "null" : JSON.stringify(value);
}

/** What is read of a document. */
export interface Decoded {
  readonly record: JobRecord;
  /** `null`: it has a key of its own. */
  readonly input: string | null;
}

/** @throws StoreCorruptError when the document was not written by this store */
export function decodeDocument(id: string, text: string): Decoded {
  try {
    return decode(id, text);
  } catch {
    throw new StoreCorruptError(id, "an unreadable document");
  }
}

function isInputHere(text: string): boolean {
  return text.charAt(INPUT_PLACE) === INPUT_HERE;
}

function checkedStatus(text: string): JobStatus {
  const status = statusOf(text.charAt(1));
  if (status === undefined || text.indexOf("\n") !== HEAD_CHARS) throw new SyntaxError("no such head");
  return status;
}

function fixedOf(text: string, line: string): FixedParts {
  const parts = line.split("\t") as FixedParts;
  if (isInputHere(text) !== (parts[6] !== undefined)) throw new SyntaxError("no input, or one too many");
  return parts;
}

/** One literal: an object of this size that is built up behind a spread costs many times as much. */
function decode(id: string, text: string): Decoded {
  const status = checkedStatus(text);
  const [counts, token, worker, seldom, fixed, history] = linesOf(text);
  const [recordVersion, version, dispatch, attempt, fence] = countsOf(counts);
  const [kind, owner, subject, scope, createdAt, rest, input] = fixedOf(text, fixed);
  const [metadata, queue, maxAttempts, notifiers, origin, inputHash, retainMs, own, trace] = restOf(rest);
  const set = seldom === "" ? NOTHING_SELDOM : decodeSeldom(seldom);
  const record: JobRecord = {
    id,
    kind: decodeText(kind),
    owner: decodeOptional(owner),
    subject: decodeOptional(subject),
    metadata,
    queue,
    handOver: own ?? null,
    maxAttempts,
    recordVersion,
    notifiers,
    createdAt: number(createdAt, 0, createdAt.length),
    origin,
    scope: decodeOptional(scope),
    inputHash,
    deadlineAt: instant(text, 10),
    retainMs,
    trace: trace ?? null,
    status,
    version,
    dispatch,
    send: set.send,
    releases: set.releases,
    redrives: set.redrives,
    attempt,
    fence,
    token: tokenOf(token),
    worker: workerOf(worker),
    leaseUntil: instant(text, 0),
    phase: set.phase,
    progress: set.progress,
    percent: set.percent,
    etaAt: set.etaAt,
    startedAt: instant(text, 8),
    queuedAt: instant(text, 9),
    updatedAt: instant(text, 3) ?? 0,
    finishedAt: instant(text, 4),
    readyAt: instant(text, 5),
    sendAt: instant(text, 6),
    retryAt: instant(text, 7),
    lastError: set.lastError,
    awaiting: set.awaiting,
    poll: set.poll,
    cancel: set.cancel,
    checkpoint: set.checkpoint,
    failure: set.failure,
    history,
    historyTrimmed: set.historyTrimmed,
    wakeAt: instant(text, 1),
    purgeAt: instant(text, 2),
  };
  return { record, input: input ?? null };
}

type Counts = [number, number, number, number, number];
type FixedParts = [string, string, string, string, string, string, string | undefined];
type RestParts = [
  metadata: Json,
  queue: string | null,
  maxAttempts: number,
  notifiers: string[],
  origin: string | null,
  inputHash: string | null,
  retainMs: number,
  handOver?: JobRecord["handOver"],
  trace?: JobRecord["trace"],
];
type Lines = [string, string, string, string, string, string];

/** What is behind the first line. */
function linesOf(text: string): Lines {
  const lines: string[] = [];
  let from = HEAD_CHARS + 1;
  for (let line = 1; line < 6; line += 1) {
    const to = text.indexOf("\n", from);
    if (to < 0) throw new SyntaxError("too few lines");
    lines.push(text.slice(from, to));
    from = to + 1;
  }
  lines.push(text.slice(from));
  return lines as Lines;
}

const NOTHING_SELDOM_VALUES = seldomOf(NOTHING_SELDOM);

type SeldomField = keyof typeof SELDOM;
const SELDOM_FIELDS = Object.keys(SELDOM) as readonly SeldomField[];
const FIELD_OF = new Map<string, SeldomField>(SELDOM_FIELDS.map((field) => [SELDOM[field], field]));

function decodeSeldom(text: string): typeof NOTHING_SELDOM {
  const found: Record<SeldomField, unknown> = { ...NOTHING_SELDOM };
  for (const part of text.split("\t")) {
    const field = FIELD_OF.get(part.charAt(0));
    if (field !== undefined) found[field] = JSON.parse(part.slice(1));
  }
  return found as typeof NOTHING_SELDOM;
}

function decodeLine(line: string): string | null {
  return line === "-" ? null : (JSON.parse(line) as string);
}

/** The instant at a place of the first line. */
function instant(text: string, place: number): number | null {
  const from = FIRST_INSTANT + NO_INSTANT.length * place;
  if (text.charCodeAt(from) === MINUS && text.startsWith(NO_INSTANT, from)) return null;
  return number(text, from, from + NO_INSTANT.length);
}

/** Digit by digit: texts that are cut out to be read and dropped cost more than the rest of it. */
function number(text: string, from: number, to: number): number {
  let value = 0;
  for (let at = from; at < to; at += 1) {
    const digit = text.charCodeAt(at) - 48;
    if (!(digit >= 0 && digit <= 9)) throw new SyntaxError("no number");
    value = value * 10 + digit;
  }
  if (from >= to || !Number.isSafeInteger(value)) throw new SyntaxError("no number");
  return value;
}

/** Jobs that come together are alike: what is read of a text is kept for the next one. */
function remembering<T>(read: (text: string) => T): (text: string) => T {
  let last: string | undefined;
  let value: T;
  return (text) => {
    if (text !== last) {
      value = read(text);
      last = text;
    }
    return value;
  };
}

const tokenOf = remembering(decodeLine);
const workerOf = remembering(decodeLine);

const countsOf = remembering((text): Counts => {
  const [recordVersion, version, dispatch, attempt, fence, ...more] = text
    .split(" ")
    .map((count) => number(count, 0, count.length));
  if (fence === undefined || more.length > 0) throw new SyntaxError("no counts");
  return [recordVersion, version, dispatch, attempt, fence] as Counts;
});

function restOf(text: string): RestParts {
  // Metadata is the caller's, who may change what is handed out: it is read for each job anew.
  return text.startsWith("[null,") ? bareRestOf(text) : parseRest(text);
}

function parseRest(text: string): RestParts {
  return JSON.parse(text) as RestParts;
}

const bareRestOf = remembering(parseRest);
