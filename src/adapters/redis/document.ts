import { StoreCorruptError } from "../../core/errors.js";
import type { Json } from "../../core/json.js";
import type { Awaiting, JobRecord } from "../../core/record.js";
import {
  encodeCount,
  encodeInstant,
  INSTANTS,
  LETTERS,
  NO_INSTANT,
  NOTHING_SELDOM,
  REFS_LETTER,
  SELDOM,
  statusOf,
} from "./slots.js";
import { decodeOptional, decodeText, encodeOptional, encodeText } from "./text.js";

// A document, line by line:
//   1 cursors stored (0, 1), status, who hands over (s, q), notifiers (n, o), eleven instants of fixed width
//   2 format, version, dispatch, attempt, fence
//   3 token
//   4 worker
//   5 what is seldom set: a tab, a letter, JSON
//   6 what never changes: kind, owner, subject, scope, instant of creation, JSON, between tabs
//   7 the history, which is whatever is behind

const HEAD_CHARS = 169;
const FIRST_INSTANT = 4;

/** A text on a line of its own, which may be absent. */
export function encodeLine(text: string | null): string {
  return text === null ? "-" : JSON.stringify(text);
}

/** One seldom set part. What is `null` is not stored; a patch says so with nothing behind the letter. */
export function encodeSeldom(letter: string, value: unknown): string {
  return value === null ? `\t${letter}` : `\t${letter}${JSON.stringify(value)}`;
}

/** The keys of outside work, as the index has them. `=` in front: a key may be empty, a part between separators not. */
export function encodeRefs(awaiting: Awaiting | null): string {
  const keys = awaiting?.refKeys.map((key) => `=${encodeText(key)}`) ?? [];
  return `\t${REFS_LETTER}${keys.join("\u0001")}`;
}

/** A whole record as it is stored at create, without cursors. */
export function encodeDocument(record: JobRecord): string {
  const { status, queue, notifiers, recordVersion, version, dispatch, attempt, fence } = record;
  let text = `0${LETTERS[status]}${queue === null ? "s" : "q"}${notifiers.length > 0 ? "n" : "o"}`;
  for (const field of INSTANTS) text += encodeInstant(record[field]);
  const counts = [recordVersion, version, dispatch, attempt, fence].map(encodeCount).join(" ");
  return (
    `${text}${encodeInstant(record.deadlineAt)}\n${counts}\n${encodeLine(record.token)}\n` +
    `${encodeLine(record.worker)}\n${encodeAllSeldom(record)}\n${encodeFixed(record)}\n${record.history}`
  );
}

function encodeAllSeldom(record: JobRecord): string {
  let text = "";
  for (const field of SELDOM_FIELDS) {
    const value = record[field];
    if (value !== NOTHING_SELDOM[field]) text += encodeSeldom(SELDOM[field], value);
  }
  return record.awaiting === null ? text : text + encodeRefs(record.awaiting);
}

function encodeFixed(record: JobRecord): string {
  const { kind, owner, subject, scope, createdAt } = record;
  const { metadata, queue, maxAttempts, notifiers, origin, inputHash, retainMs } = record;
  const rest = [metadata, queue, maxAttempts, notifiers, origin, inputHash, retainMs];
  return (
    `${encodeText(kind)}\t${encodeOptional(owner)}\t${encodeOptional(subject)}\t${encodeOptional(scope)}` +
    `\t${encodeCount(createdAt)}\t${JSON.stringify(rest)}`
  );
}

/** @throws StoreCorruptError when the document was not written by this store */
export function decodeDocument(id: string, text: string): JobRecord {
  try {
    return decode(id, text);
  } catch {
    throw new StoreCorruptError(id, "an unreadable document");
  }
}

function decode(id: string, text: string): JobRecord {
  const [head, counts, token, worker, seldom, fixed, history] = linesOf(text);
  const status = statusOf(head.charAt(1));
  if (status === undefined || head.length !== HEAD_CHARS) throw new SyntaxError("no such head");
  const [recordVersion, version, dispatch, attempt, fence] = counts.split(" ").map(number) as Counts;
  const [kind, owner, subject, scope, createdAt, rest] = fixed.split("\t") as FixedParts;
  const [metadata, queue, maxAttempts, notifiers, origin, inputHash, retainMs] = JSON.parse(
    rest,
  ) as RestParts;
  const set = seldom === "" ? NOTHING_SELDOM : decodeSeldom(seldom);
  // One literal: an object of this size that is built up behind a spread costs many times as much.
  return {
    id,
    kind: decodeText(kind),
    owner: decodeOptional(owner),
    subject: decodeOptional(subject),
    metadata,
    queue,
    maxAttempts,
    recordVersion,
    notifiers,
    createdAt: number(createdAt),
    origin,
    scope: decodeOptional(scope),
    inputHash,
    deadlineAt: instant(head, 10),
    retainMs,
    status,
    version,
    dispatch,
    send: set.send,
    releases: set.releases,
    redrives: set.redrives,
    attempt,
    fence,
    token: decodeLine(token),
    worker: decodeLine(worker),
    leaseUntil: instant(head, 0),
    phase: set.phase,
    progress: set.progress,
    percent: set.percent,
    etaAt: set.etaAt,
    startedAt: instant(head, 8),
    queuedAt: instant(head, 9),
    updatedAt: instant(head, 3) ?? 0,
    finishedAt: instant(head, 4),
    readyAt: instant(head, 5),
    sendAt: instant(head, 6),
    retryAt: instant(head, 7),
    lastError: set.lastError,
    awaiting: set.awaiting,
    poll: set.poll,
    cancel: set.cancel,
    checkpoint: set.checkpoint,
    failure: set.failure,
    history,
    historyTrimmed: set.historyTrimmed,
    wakeAt: instant(head, 1),
    purgeAt: instant(head, 2),
  };
}

type Counts = [number, number, number, number, number];
type FixedParts = [string, string, string, string, string, string];
type RestParts = [Json, string | null, number, string[], string | null, string | null, number];
type Lines = [string, string, string, string, string, string, string];

function linesOf(text: string): Lines {
  const lines: string[] = [];
  let from = 0;
  for (let line = 1; line < 7; line += 1) {
    const to = text.indexOf("\n", from);
    if (to < 0) throw new SyntaxError("too few lines");
    lines.push(text.slice(from, to));
    from = to + 1;
  }
  lines.push(text.slice(from));
  return lines as Lines;
}

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
function instant(head: string, place: number): number | null {
  const from = FIRST_INSTANT + NO_INSTANT.length * place;
  const text = head.slice(from, from + NO_INSTANT.length);
  return text === NO_INSTANT ? null : number(text);
}

function number(text: string): number {
  const value = Number(text);
  if (text === "" || !Number.isInteger(value)) throw new SyntaxError("no number");
  return value;
}
