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
import type { RowReader } from "./reader.js";
import { encodeText } from "./text.js";

// Everything that a field of the record asks of this store is here: its column, its place in the schema, and how it is read.

/** A field's column: how it is written into a statement's JSON, and as which type it is read out of it. */
export interface Column {
  readonly name: string;
  readonly type: "text" | "integer" | "bigint" | "double precision";
  /** What the schema says of it behind the type. */
  readonly constraint?: string;
  /** JSON documents are kept as text: jsonb would change them (order, numbers), and drivers parse it. */
  readonly codec: "text" | "json" | "number";
}

const text = (name: string): Column => ({ name, type: "text", codec: "text" });
const json = (name: string): Column => ({ name, type: "text", codec: "json" });
/** Ids and what indexes go by sort by bytes, as everywhere else. */
const compared = (name: string): Column => ({ ...text(name), constraint: 'collate "C"' });
const count = (name: string): Column => ({ name, type: "integer", codec: "number" });
/** An instant or a span: bigint milliseconds need no parsing and no time zone. */
const ms = (name: string): Column => ({ name, type: "bigint", codec: "number" });

const required = (column: Column): Column => ({
  ...column,
  constraint: column.constraint === undefined ? "not null" : `${column.constraint} not null`,
});

function quoted(texts: readonly string[]): string {
  return texts.map((one) => `'${one}'`).join(", ");
}

export const FIXED_COLUMNS: Readonly<Record<keyof FixedFields, Column>> = {
  id: { ...text("id"), constraint: 'collate "C" primary key' },
  kind: required(compared("kind")),
  owner: compared("owner"),
  subject: compared("subject"),
  metadata: json("metadata"),
  queue: text("queue"),
  handOver: text("hand_over"),
  maxAttempts: required(count("max_attempts")),
  recordVersion: required(count("record_version")),
  notifiers: required(json("notifiers")),
  createdAt: required(ms("created_at")),
  origin: text("origin"),
  scope: compared("scope"),
  inputHash: text("input_hash"),
  deadlineAt: ms("deadline_at"),
  retainMs: required(ms("retain_ms")),
  trace: json("trace"),
};

/** What a patch may set. History goes apart from it. */
export const PATCH_COLUMNS: Readonly<Record<keyof Omit<ChangingFields, "history">, Column>> = {
  status: {
    ...text("status"),
    constraint: `collate "C" not null check (status in (${quoted(STATUSES)}))`,
  },
  version: required(count("version")),
  dispatch: required(count("dispatch")),
  send: required(count("send")),
  releases: required(count("releases")),
  redrives: required(count("redrives")),
  attempt: required(count("attempt")),
  fence: required(count("fence")),
  token: compared("token"),
  worker: text("worker"),
  leaseUntil: ms("lease_until"),
  phase: text("phase"),
  progress: json("progress"),
  percent: { name: "percent", type: "double precision", codec: "number" },
  etaAt: ms("eta_at"),
  startedAt: ms("started_at"),
  queuedAt: ms("queued_at"),
  updatedAt: required(ms("updated_at")),
  finishedAt: ms("finished_at"),
  readyAt: ms("ready_at"),
  sendAt: ms("send_at"),
  retryAt: ms("retry_at"),
  lastError: json("last_error"),
  awaiting: json("awaiting"),
  poll: json("poll"),
  cancel: json("cancel"),
  checkpoint: json("checkpoint"),
  failure: json("failure"),
  historyTrimmed: required(count("history_trimmed")),
  wakeAt: ms("wake_at"),
  purgeAt: ms("purge_at"),
};

const PLAIN = [...Object.values(FIXED_COLUMNS), ...Object.values(PATCH_COLUMNS)];

/** As bytes: how many digits a session writes of a number is a setting of the database (`extra_float_digits`). */
function bitsOf(name: string): string {
  return `encode(float8send(j.${name}), 'hex') as ${name}`;
}

/** The same as the schema declares them. */
export const DECLARED_COLUMNS: string = PLAIN.map(
  ({ name, type, constraint }) => `  ${name} ${type}${constraint === undefined ? "" : ` ${constraint}`},`,
).join("\n");

/**
 * The columns that a record is read from, of the row `j`. Named one by one: a column that a later schema adds changes
 * nothing here.
 */
export const JOB_COLUMNS: string = [
  ...PLAIN.map(({ name, type }) => (type === "double precision" ? bitsOf(name) : `j.${name}`)),
  "j.history",
  "j.cursors::text as cursors",
].join(", ");

/** What a statement selects or returns of a job. */
export function jobColumns(asked: {
  readonly input?: boolean | undefined;
  readonly output?: boolean | undefined;
}): string {
  return `${JOB_COLUMNS}${asked.input === true ? ", j.input" : ""}${asked.output === true ? ", j.output" : ""}`;
}

/** A field as it stands in a statement's JSON. */
export function encodeField({ codec }: Column, value: unknown): string | number | null {
  if (value === null) return null;
  if (codec === "json") return JSON.stringify(value);
  if (codec === "text") return encodeText(value as string);
  return value as number;
}

/**
 * A record out of its row. One literal: an object of this size that is built up field by field costs many times as much.
 *
 * @throws StoreCorruptError when the row holds what the store never writes
 */
export function decodeRecord(row: RowReader): JobRecord {
  return {
    id: row.id,
    kind: row.text("kind"),
    owner: row.textOrNull("owner"),
    subject: row.textOrNull("subject"),
    metadata: row.json("metadata") as Json,
    queue: row.textOrNull("queue"),
    handOver: row.textOrNull("hand_over") as JobRecord["handOver"],
    maxAttempts: row.number("max_attempts"),
    recordVersion: row.number("record_version"),
    notifiers: row.json("notifiers") as readonly string[],
    createdAt: row.number("created_at"),
    origin: row.textOrNull("origin"),
    scope: row.textOrNull("scope"),
    inputHash: row.textOrNull("input_hash"),
    deadlineAt: row.numberOrNull("deadline_at"),
    retainMs: row.number("retain_ms"),
    trace: row.json("trace") as JobRecord["trace"],
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
    percent: row.doubleOrNull("percent"),
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
