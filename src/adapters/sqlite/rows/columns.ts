import type { Json } from "../../../core/json/json.js";
import { STATUSES } from "../../../core/job/lifecycle.js";
import type {
  Awaiting,
  CancelRequest,
  ChangingFields,
  FixedFields,
  JobRecord,
  PollClaim,
  StoredError,
  StoredFailure,
} from "../../../core/job/record.js";
import type { Column, FieldCodec } from "./column.js";
import type { RowReader } from "./reader.js";

// Everything that a field of the record asks of this store is here: its column, its place in the schema, and how it is read.

let columns = 0;

function column(name: string, codec: FieldCodec, declared: string): Column {
  columns += 1;
  return { name, codec, declared, at: columns - 1 };
}

const text = (name: string): Column => column(name, "text", "text");
const json = (name: string): Column => column(name, "json", "text");
const number = (name: string): Column => column(name, "number", "integer");
const required = (column: Column): Column => ({ ...column, declared: `${column.declared} not null` });

function quoted(texts: readonly string[]): string {
  return texts.map((one) => `'${one}'`).join(", ");
}

export const FIXED_COLUMNS: Readonly<Record<keyof FixedFields, Column>> = {
  id: { ...text("id"), declared: "text not null unique" },
  kind: required(text("kind")),
  owner: text("owner"),
  subject: text("subject"),
  metadata: json("metadata"),
  queue: text("queue"),
  handOver: text("hand_over"),
  maxAttempts: required(number("max_attempts")),
  recordVersion: required(number("record_version")),
  notifiers: required(json("notifiers")),
  createdAt: required(number("created_at")),
  origin: text("origin"),
  scope: text("scope"),
  inputHash: text("input_hash"),
  deadlineAt: number("deadline_at"),
  retainMs: required(number("retain_ms")),
  trace: json("trace"),
};

/** What a patch may set. History goes apart from it. */
export const PATCH_COLUMNS: Readonly<Record<keyof Omit<ChangingFields, "history">, Column>> = {
  status: { ...text("status"), declared: `text not null check (status in (${quoted(STATUSES)}))` },
  version: required(number("version")),
  dispatch: required(number("dispatch")),
  send: required(number("send")),
  releases: required(number("releases")),
  redrives: required(number("redrives")),
  attempt: required(number("attempt")),
  fence: required(number("fence")),
  token: text("token"),
  worker: text("worker"),
  leaseUntil: number("lease_until"),
  phase: text("phase"),
  progress: json("progress"),
  percent: { ...number("percent"), declared: "real" },
  etaAt: number("eta_at"),
  startedAt: number("started_at"),
  queuedAt: number("queued_at"),
  updatedAt: required(number("updated_at")),
  finishedAt: number("finished_at"),
  readyAt: number("ready_at"),
  sendAt: number("send_at"),
  retryAt: number("retry_at"),
  lastError: json("last_error"),
  awaiting: json("awaiting"),
  poll: json("poll"),
  cancel: json("cancel"),
  checkpoint: json("checkpoint"),
  failure: json("failure"),
  historyTrimmed: required(number("history_trimmed")),
  wakeAt: number("wake_at"),
  purgeAt: number("purge_at"),
};

const PLAIN = [...Object.values(FIXED_COLUMNS), ...Object.values(PATCH_COLUMNS)];

/** The same as the schema declares them. */
export const DECLARED_COLUMNS: string = PLAIN.map(({ name, declared }) => `  ${name} ${declared},`).join(
  "\n",
);

/**
 * The columns that a record is read from, as one JSON array where they can be: a value of its own costs the driver more than
 * it costs SQLite to find it (measured: 22 µs a job for the columns one by one, 13 as one text). Named one by one: a column
 * that a later schema adds changes nothing here. Apart are texts that are long, and a fraction, of which SQLite's JSON keeps 15
 * digits.
 */
export const JOB_COLUMNS: string = [
  "id",
  `json_array(${PLAIN.map(({ name, declared }) => (declared === "real" ? "null" : name)).join(", ")}) as packed`,
  ...PLAIN.filter(({ declared }) => declared === "real").map(({ name }) => name),
  "history",
  "cursors",
].join(", ");

/** The payload's columns, inside a statement over `waybill_job`. */
const INPUT = "(select input from waybill_payload where waybill_payload.seq = waybill_job.seq) as input";
const OUTPUT = "(select output from waybill_payload where waybill_payload.seq = waybill_job.seq) as output";

/** What a statement selects or returns of a job. */
export function jobColumns(asked: {
  readonly input?: boolean | undefined;
  readonly output?: boolean | undefined;
}): string {
  return [
    JOB_COLUMNS,
    ...(asked.input === true ? [INPUT] : []),
    ...(asked.output === true ? [OUTPUT] : []),
  ].join(", ");
}

/**
 * A record out of its row. One literal: an object of this size that is built up field by field costs many times as much.
 *
 * @throws StoreCorruptError when the row holds what the store never writes
 */
export function decodeRecord(row: RowReader): JobRecord {
  return {
    id: row.id,
    kind: row.text(FIXED_COLUMNS.kind),
    owner: row.textOrNull(FIXED_COLUMNS.owner),
    subject: row.textOrNull(FIXED_COLUMNS.subject),
    metadata: row.json(FIXED_COLUMNS.metadata) as Json,
    queue: row.textOrNull(FIXED_COLUMNS.queue),
    handOver: row.textOrNull(FIXED_COLUMNS.handOver) as JobRecord["handOver"],
    maxAttempts: row.number(FIXED_COLUMNS.maxAttempts),
    recordVersion: row.number(FIXED_COLUMNS.recordVersion),
    notifiers: row.json(FIXED_COLUMNS.notifiers) as readonly string[],
    createdAt: row.number(FIXED_COLUMNS.createdAt),
    origin: row.textOrNull(FIXED_COLUMNS.origin),
    scope: row.textOrNull(FIXED_COLUMNS.scope),
    inputHash: row.textOrNull(FIXED_COLUMNS.inputHash),
    deadlineAt: row.numberOrNull(FIXED_COLUMNS.deadlineAt),
    retainMs: row.number(FIXED_COLUMNS.retainMs),
    trace: row.json(FIXED_COLUMNS.trace) as JobRecord["trace"],
    status: row.status(PATCH_COLUMNS.status),
    version: row.number(PATCH_COLUMNS.version),
    dispatch: row.number(PATCH_COLUMNS.dispatch),
    send: row.number(PATCH_COLUMNS.send),
    releases: row.number(PATCH_COLUMNS.releases),
    redrives: row.number(PATCH_COLUMNS.redrives),
    attempt: row.number(PATCH_COLUMNS.attempt),
    fence: row.number(PATCH_COLUMNS.fence),
    token: row.textOrNull(PATCH_COLUMNS.token),
    worker: row.textOrNull(PATCH_COLUMNS.worker),
    leaseUntil: row.numberOrNull(PATCH_COLUMNS.leaseUntil),
    phase: row.textOrNull(PATCH_COLUMNS.phase),
    progress: row.json(PATCH_COLUMNS.progress) as Json,
    percent: row.realOrNull(PATCH_COLUMNS.percent),
    etaAt: row.numberOrNull(PATCH_COLUMNS.etaAt),
    startedAt: row.numberOrNull(PATCH_COLUMNS.startedAt),
    queuedAt: row.numberOrNull(PATCH_COLUMNS.queuedAt),
    updatedAt: row.number(PATCH_COLUMNS.updatedAt),
    finishedAt: row.numberOrNull(PATCH_COLUMNS.finishedAt),
    readyAt: row.numberOrNull(PATCH_COLUMNS.readyAt),
    sendAt: row.numberOrNull(PATCH_COLUMNS.sendAt),
    retryAt: row.numberOrNull(PATCH_COLUMNS.retryAt),
    lastError: row.json(PATCH_COLUMNS.lastError) as StoredError | null,
    awaiting: row.json(PATCH_COLUMNS.awaiting) as Awaiting | null,
    poll: row.json(PATCH_COLUMNS.poll) as PollClaim | null,
    cancel: row.json(PATCH_COLUMNS.cancel) as CancelRequest | null,
    checkpoint: row.json(PATCH_COLUMNS.checkpoint) as Json,
    failure: row.json(PATCH_COLUMNS.failure) as StoredFailure | null,
    history: row.raw("history"),
    historyTrimmed: row.number(PATCH_COLUMNS.historyTrimmed),
    wakeAt: row.numberOrNull(PATCH_COLUMNS.wakeAt),
    purgeAt: row.numberOrNull(PATCH_COLUMNS.purgeAt),
  };
}
