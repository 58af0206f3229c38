import { StoreCorruptError } from "../../core/errors.js";
import { type JobStatus, STATUSES } from "../../core/lifecycle.js";
import type { Json } from "../../core/json.js";
import type { StoredJob } from "../../core/ports/store.js";
import type {
  Awaiting,
  CancelRequest,
  Cursors,
  JobRecord,
  PollClaim,
  StoredError,
  StoredFailure,
} from "../../core/record.js";
import type { Row } from "./client.js";
import { decodeText, encodeText } from "./text.js";

/** What a job is read with. `input` and `output` stand in for the payload's columns where they are asked for. */
export interface RowOptions {
  readonly input?: boolean | undefined;
  readonly output?: boolean | undefined;
}

/** @throws StoreCorruptError when the row holds what the store never writes */
export function decodeJob(row: Row, options: RowOptions = {}): StoredJob {
  const reader = new RowReader(row);
  return {
    record: decodeRecord(reader),
    cursors: reader.cursors(),
    ...(options.input === true ? { input: reader.raw("input") } : {}),
    ...(options.output === true ? { output: reader.rawOrNull("output") } : {}),
  };
}

export function decodeCursors(row: Row): Cursors {
  return new RowReader(row).cursors();
}

/** jsonb keeps no NUL either: what is any text is encoded inside too. */
export function encodeCursors(cursors: Cursors): Cursors {
  return withReasons(cursors, encodeText);
}

/** Nearly all have no reason, and stay as they are. */
function withReasons(cursors: Cursors, change: (reason: string) => string): Cursors {
  const entries = Object.entries(cursors);
  if (entries.every(([, { reason }]) => reason === null)) return cursors;
  // fromEntries makes own keys: a notifier may be called __proto__.
  return Object.fromEntries(
    entries.map(([name, cursor]) => {
      const { reason } = cursor;
      return [name, { ...cursor, reason: reason === null ? null : change(reason) }];
    }),
  );
}

/** A text that is there. */
export function textOf(row: Row, column: string): string {
  const value = row[column];
  return typeof value === "string" ? value : "";
}

/** A number that is there. */
export function numberOf(row: Row, column: string): number {
  return Number(row[column]);
}

export function numberOrNull(row: Row, column: string): number | null {
  const value = row[column];
  return value === null || value === undefined ? null : Number(value);
}

function decodeRecord(row: RowReader): JobRecord {
  return {
    id: row.id,
    kind: row.text("kind"),
    owner: row.textOrNull("owner"),
    subject: row.textOrNull("subject"),
    metadata: row.json("metadata") as Json,
    queue: row.textOrNull("queue"),
    maxAttempts: row.number("max_attempts"),
    recordVersion: row.number("record_version"),
    notifiers: row.json("notifiers") as readonly string[],
    createdAt: row.number("created_at"),
    origin: row.textOrNull("origin"),
    scope: row.textOrNull("scope"),
    inputHash: row.textOrNull("input_hash"),
    deadlineAt: row.numberOrNull("deadline_at"),
    retainMs: row.number("retain_ms"),
    status: row.status(),
    version: row.number("version"),
    dispatch: row.number("dispatch"),
    send: row.number("send"),
    releases: row.number("releases"),
    redrives: row.number("redrives"),
    attempt: row.number("attempt"),
    fence: row.number("fence"),
    token: row.textOrNull("token"),
    worker: row.textOrNull("worker"),
    leaseUntil: row.numberOrNull("lease_until"),
    phase: row.textOrNull("phase"),
    progress: row.json("progress") as Json,
    percent: row.numberOrNull("percent"),
    etaAt: row.numberOrNull("eta_at"),
    startedAt: row.numberOrNull("started_at"),
    queuedAt: row.numberOrNull("queued_at"),
    updatedAt: row.number("updated_at"),
    finishedAt: row.numberOrNull("finished_at"),
    readyAt: row.numberOrNull("ready_at"),
    sendAt: row.numberOrNull("send_at"),
    retryAt: row.numberOrNull("retry_at"),
    lastError: row.json("last_error") as StoredError | null,
    awaiting: row.json("awaiting") as Awaiting | null,
    poll: row.json("poll") as PollClaim | null,
    cancel: row.json("cancel") as CancelRequest | null,
    checkpoint: row.json("checkpoint") as Json,
    failure: row.json("failure") as StoredFailure | null,
    history: row.raw("history"),
    historyTrimmed: row.number("history_trimmed"),
    wakeAt: row.numberOrNull("wake_at"),
    purgeAt: row.numberOrNull("purge_at"),
  };
}

class RowReader {
  readonly id: string;
  readonly #row: Row;

  constructor(row: Row) {
    this.#row = row;
    this.id = textOf(row, "id");
  }

  status(): JobStatus {
    const stored = this.#row["status"];
    return STATUSES.find((status) => status === stored) ?? this.#corrupt("a status that does not exist");
  }

  raw(column: string): string {
    return this.rawOrNull(column) ?? this.#corrupt(`no ${column}`);
  }

  rawOrNull(column: string): string | null {
    const value = this.#row[column];
    return typeof value === "string" ? value : null;
  }

  text(column: string): string {
    return this.textOrNull(column) ?? this.#corrupt(`no ${column}`);
  }

  textOrNull(column: string): string | null {
    const value = this.rawOrNull(column);
    if (value === null) return null;
    return this.#parsed(column, () => decodeText(value));
  }

  json(column: string): unknown {
    const value = this.rawOrNull(column);
    if (value === null) return null;
    return this.#parsed(column, () => JSON.parse(value) as unknown);
  }

  cursors(): Cursors {
    const cursors = this.json("cursors") as Cursors;
    return this.#parsed("cursors", () => withReasons(cursors, decodeText));
  }

  number(column: string): number {
    return this.numberOrNull(column) ?? this.#corrupt(`no ${column}`);
  }

  numberOrNull(column: string): number | null {
    const value = this.#row[column];
    // pg hands int8 over as text, others as bigint, and an application may have told them otherwise.
    return value === null || value === undefined ? null : Number(value);
  }

  #parsed<T>(column: string, parse: () => T): T {
    try {
      return parse();
    } catch {
      return this.#corrupt(`an unreadable ${column}`);
    }
  }

  #corrupt(what: string): never {
    throw new StoreCorruptError(this.id, what);
  }
}
