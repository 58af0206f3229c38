// What an engine's columns make of what they are given, and its comparisons of what they hold.
import type { Json } from "../../../src/core/json/json.js";
import type { Cursor, JobRecord } from "../../../src/core/job/record.js";
import type { ListRequest, ParkedMessage, StoredJob } from "../../../src/core/ports/store.js";
import { asks, holds, type StoreBug } from "./store-bug.js";

function fields(change: (record: JobRecord) => Partial<JobRecord>): StoreBug["make"] {
  return holds((row) => ({ ...row, record: { ...row.record, ...change(row.record) } }));
}

type Count = {
  [Field in keyof JobRecord]: JobRecord[Field] extends number ? Field : never;
}[keyof JobRecord];

/** A count in a column that is too narrow: an engine that is not strict holds the most that fits. */
function narrow(field: Count, most: number): StoreBug["make"] {
  return fields((record) => ({ [field]: Math.min(record[field], most) }));
}

function cursors(change: (cursor: Cursor) => Cursor): StoreBug["make"] {
  return holds((row) => ({
    ...row,
    cursors: Object.fromEntries(Object.entries(row.cursors).map(([name, cursor]) => [name, change(cursor)])),
  }));
}

function cursorNames(change: (name: string) => string): StoreBug["make"] {
  return holds((row) => ({
    ...row,
    cursors: Object.fromEntries(Object.entries(row.cursors).map(([name, cursor]) => [change(name), cursor])),
  }));
}

function messages(change: (message: ParkedMessage) => ParkedMessage): StoreBug["make"] {
  return asks("park", (request) => ({ ...request, messages: request.messages.map(change) }));
}

/** A number as a column of single precision prints it. */
function rounded(value: Json): Json {
  if (typeof value === "number") return Number.isInteger(value) ? value : Number(value.toPrecision(7));
  if (Array.isArray(value)) return value.map(rounded);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, rounded(part as Json)]));
}

/** One that is too large for its column is not there. */
function unlessLarger(value: Json, bytes: number): Json {
  return Buffer.byteLength(JSON.stringify(value)) > bytes ? null : value;
}

/** A list that compares otherwise than character by character. */
function lists(fits: (job: StoredJob, request: ListRequest) => boolean): StoreBug["make"] {
  return ({ inner }) => ({
    async list(request) {
      const { owner: _, subject: __, ...rest } = request;
      const all = await inner.list({ ...rest, limit: 1_000 });
      const jobs = all.jobs.filter((job) => fits(job, request));
      const last = jobs[request.limit - 1];
      const next = jobs.length > request.limit && last !== undefined ? last.record : null;
      return {
        ...all,
        jobs: jobs.slice(0, request.limit),
        next: next === null ? null : { createdAt: next.createdAt, id: next.id },
      };
    },
  });
}

/** `%` and `_` as SQL takes them. */
function like(text: string | null, pattern: string | null): boolean {
  if (text === null || pattern === null) return text === pattern;
  const escaped = pattern.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
  return new RegExp(`^${escaped.replaceAll("%", "[^]*").replaceAll("_", "[^]")}$`, "u").test(text);
}

const MOST_SMALLINT = 32_767;
const COUNTS = "Counts are whole numbers up to 2,147,483,647";
const INSTANTS = "Instants are whole milliseconds.";
const TEXT = "every other text is hostile and goes through parameters only";
const DOCUMENT = "The whole first record; `ok`: the patch is durable.";
const HOUR_MS = 3_600_000;

/** An instant in an hour that a zone leaves out when clocks are set forward. */
function inZone(at: number): number {
  const left = Date.UTC(2026, 2, 29, 1);
  return at >= left && at < left + HOUR_MS ? at + HOUR_MS : at;
}

export const COLUMN_BUGS: readonly StoreBug[] = [
  ...(
    [
      "version",
      "dispatch",
      "fence",
      "attempt",
      "releases",
      "redrives",
      "maxAttempts",
      "historyTrimmed",
    ] as const
  ).map((field): StoreBug => ({
    name: `${field} is a smallint`,
    breaks: COUNTS,
    caughtBy: "hostile text",
    make: narrow(field, MOST_SMALLINT),
  })),
  {
    name: "the attempts of a cursor are a byte",
    breaks: COUNTS,
    caughtBy: "hostile text",
    make: cursors((cursor) => ({ ...cursor, attempts: Math.min(255, cursor.attempts) })),
  },
  {
    name: "the place of a cursor is a smallint",
    breaks: COUNTS,
    caughtBy: "hostile text",
    make: cursors((cursor) => ({ ...cursor, upTo: Math.min(MOST_SMALLINT, cursor.upTo) })),
  },
  {
    name: "versions that were given up are sorted as text",
    breaks: "Versions that were given up, for `undelivered()`.",
    caughtBy: "hostile text",
    make: cursors((cursor) => ({ ...cursor, exhausted: cursor.exhausted.map(String).sort().map(Number) })),
  },
  {
    name: "a retention of more than 24 days overflows",
    breaks: "How long a settled record is kept, milliseconds.",
    caughtBy: "hostile text",
    make: fields(({ retainMs }) => ({ retainMs: retainMs | 0 })),
  },
  {
    name: "instants are local times, and an hour of spring is none",
    breaks: INSTANTS,
    caughtBy: "long names",
    make: fields(({ etaAt, startedAt, queuedAt, finishedAt }) => ({
      etaAt: etaAt === null ? null : inZone(etaAt),
      startedAt: startedAt === null ? null : inZone(startedAt),
      queuedAt: queuedAt === null ? null : inZone(queuedAt),
      finishedAt: finishedAt === null ? null : inZone(finishedAt),
    })),
  },
  {
    name: "numbers of documents are of single precision",
    breaks: DOCUMENT,
    caughtBy: "hostile text",
    make: fields(({ progress, metadata, checkpoint }) => ({
      progress: rounded(progress),
      metadata: rounded(metadata),
      checkpoint: rounded(checkpoint),
    })),
  },
  {
    name: "failures are never exposed",
    breaks: DOCUMENT,
    caughtBy: "hostile text",
    make: fields(({ failure }) => ({ failure: failure === null ? null : { ...failure, expose: false } })),
  },
  {
    name: "a progress of more than 4,000 bytes is none",
    breaks: DOCUMENT,
    caughtBy: "long names",
    make: fields(({ progress }) => ({ progress: unlessLarger(progress, 4_000) })),
  },
  {
    name: "a checkpoint of more than 32 KB is none",
    breaks: DOCUMENT,
    caughtBy: "long names",
    make: fields(({ checkpoint }) => ({ checkpoint: unlessLarger(checkpoint, 32_767) })),
  },
  {
    name: "messages of failures are cut at 255",
    breaks: DOCUMENT,
    caughtBy: "long names",
    make: fields(({ failure }) => ({
      failure: failure === null ? null : { ...failure, message: failure.message.slice(0, 255) },
    })),
  },
  {
    name: "workers are cut at 64 characters",
    breaks: DOCUMENT,
    caughtBy: "long names",
    make: fields(({ worker }) => ({ worker: worker?.slice(0, 64) ?? null })),
  },
  {
    name: "hashes of inputs are cut at 32 characters",
    breaks: DOCUMENT,
    caughtBy: "long names",
    make: fields(({ inputHash }) => ({ inputHash: inputHash?.slice(0, 32) ?? null })),
  },
  {
    name: "notifiers are a list with commas between",
    breaks: TEXT,
    caughtBy: "hostile text",
    make: fields(({ notifiers }) => ({ notifiers: notifiers.join().split(",").filter(Boolean) })),
  },
  {
    name: "reference keys are a list with commas between",
    breaks: TEXT,
    caughtBy: "by reference",
    make: fields(({ awaiting }) => ({
      awaiting:
        awaiting === null
          ? null
          : { ...awaiting, refKeys: awaiting.refKeys.join().split(",").filter(Boolean) },
    })),
  },
  {
    name: "the name of a notifier is a path",
    breaks: TEXT,
    caughtBy: "hostile text",
    make: cursorNames((name) => name.replaceAll(".", "_")),
  },
  {
    name: "names of notifiers have no case",
    breaks: TEXT,
    caughtBy: "hostile text",
    make: cursorNames((name) => name.toLowerCase()),
  },
  {
    name: "reference keys hold three bytes of a character",
    breaks: TEXT,
    caughtBy: "by reference",
    make: fields(({ awaiting }) => ({
      awaiting:
        awaiting === null
          ? null
          : {
              ...awaiting,
              refKeys: awaiting.refKeys.map((key) => key.replace(/[\u{10000}-\u{10ffff}]/gu, "?")),
            },
    })),
  },
  {
    name: "ends of lines in an input are made one character",
    breaks: "`input` and `output` are JSON text, byte for byte as given.",
    caughtBy: "payload",
    make: holds((row) => ({ ...row, input: row.input.replaceAll("\r\n", "\n") })),
  },
  {
    name: "ends of lines in a parked body are made one character",
    breaks: "At most 64 KiB; longer bodies arrive cut.",
    caughtBy: "operations",
    make: messages((message) => ({ ...message, body: message.body.replaceAll("\r\n", "\n") })),
  },
  {
    name: "queues of parked messages have no case",
    breaks: TEXT,
    caughtBy: "operations",
    make: messages((message) => ({ ...message, queue: message.queue.toLowerCase() })),
  },
  {
    name: "a list takes a subject for a pattern",
    breaks: TEXT,
    caughtBy: "long names",
    make: lists(
      ({ record }, { owner, subject }) =>
        (owner === undefined || record.owner === owner) &&
        (subject === undefined || like(record.subject, subject)),
    ),
  },
  {
    name: "a list compares subjects by a collation that knows no emoji",
    breaks: TEXT,
    caughtBy: "long names",
    make: lists(({ record }, { owner, subject }) => {
      const flat = (text: string | null): string | undefined =>
        text?.replace(/\p{Emoji_Presentation}/gu, "?");
      return (
        (owner === undefined || record.owner === owner) &&
        (subject === undefined || flat(record.subject) === flat(subject))
      );
    }),
  },
];
