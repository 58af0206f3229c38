import type { ChangingFields, FixedFields } from "../../core/record.js";
import type { FieldCodec } from "./codec.js";

export interface Column {
  readonly name: string;
  readonly codec: FieldCodec;
}

const text = (name: string): Column => ({ name, codec: "text" });
const json = (name: string): Column => ({ name, codec: "json" });
const number = (name: string): Column => ({ name, codec: "number" });

export const FIXED_COLUMNS: Readonly<Record<keyof FixedFields, Column>> = {
  id: text("id"),
  kind: text("kind"),
  owner: text("owner"),
  subject: text("subject"),
  metadata: json("metadata"),
  queue: text("queue"),
  maxAttempts: number("max_attempts"),
  recordVersion: number("record_version"),
  notifiers: json("notifiers"),
  createdAt: number("created_at"),
  origin: text("origin"),
  scope: text("scope"),
  inputHash: text("input_hash"),
  deadlineAt: number("deadline_at"),
  retainMs: number("retain_ms"),
};

/** What a patch may set. History goes apart from it. */
export const PATCH_COLUMNS: Readonly<Record<keyof Omit<ChangingFields, "history">, Column>> = {
  status: text("status"),
  version: number("version"),
  dispatch: number("dispatch"),
  send: number("send"),
  releases: number("releases"),
  redrives: number("redrives"),
  attempt: number("attempt"),
  fence: number("fence"),
  token: text("token"),
  worker: text("worker"),
  leaseUntil: number("lease_until"),
  phase: text("phase"),
  progress: json("progress"),
  percent: number("percent"),
  etaAt: number("eta_at"),
  startedAt: number("started_at"),
  queuedAt: number("queued_at"),
  updatedAt: number("updated_at"),
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
  historyTrimmed: number("history_trimmed"),
  wakeAt: number("wake_at"),
  purgeAt: number("purge_at"),
};

/** The columns that a record is read from. Named one by one: a column that a later schema adds changes nothing here. */
export const JOB_COLUMNS: string = [
  ...[...Object.values(FIXED_COLUMNS), ...Object.values(PATCH_COLUMNS)].map((column) => column.name),
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
