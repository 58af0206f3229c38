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

// Everything that a field of the record asks of this store is here: its column, its place in the schema, and how it is read.

/** How a field is written into its column. */
export type FieldCodec = "text" | "json" | "number";

/** A field's column: how it is written, and as what it is declared. */
export interface Column {
  readonly name: string;
  readonly codec: FieldCodec;
  readonly declared: string;
}

const text = (name: string): Column => ({ name, codec: "text", declared: "text" });
const json = (name: string): Column => ({ name, codec: "json", declared: "text" });
const number = (name: string): Column => ({ name, codec: "number", declared: "integer" });
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

/** The columns that a record is read from. Named one by one: a column that a later schema adds changes nothing here. */
export const JOB_COLUMNS: string = [...PLAIN.map((column) => column.name), "history", "cursors"].join(", ");

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
