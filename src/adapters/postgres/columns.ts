import type { ChangingFields, FixedFields } from "../../core/record.js";
import { encodeText } from "./text.js";

/** A field's column: how it is written into a statement's JSON, and as which type it is read out of it. */
export interface Column {
  readonly name: string;
  readonly type: "text" | "integer" | "bigint" | "double precision";
  /** JSON documents are kept as text: jsonb would change them (order, numbers), and drivers parse it. */
  readonly codec: "text" | "json" | "number";
}

const text = (name: string): Column => ({ name, type: "text", codec: "text" });
const json = (name: string): Column => ({ name, type: "text", codec: "json" });
const count = (name: string): Column => ({ name, type: "integer", codec: "number" });
/** An instant or a span: bigint milliseconds need no parsing and no time zone. */
const ms = (name: string): Column => ({ name, type: "bigint", codec: "number" });

export const FIXED_COLUMNS: Readonly<Record<keyof FixedFields, Column>> = {
  id: text("id"),
  kind: text("kind"),
  owner: text("owner"),
  subject: text("subject"),
  metadata: json("metadata"),
  queue: text("queue"),
  maxAttempts: count("max_attempts"),
  recordVersion: count("record_version"),
  notifiers: json("notifiers"),
  createdAt: ms("created_at"),
  origin: text("origin"),
  scope: text("scope"),
  inputHash: text("input_hash"),
  deadlineAt: ms("deadline_at"),
  retainMs: ms("retain_ms"),
};

/** What a patch may set. History goes apart from it. */
export const PATCH_COLUMNS: Readonly<Record<keyof Omit<ChangingFields, "history">, Column>> = {
  status: text("status"),
  version: count("version"),
  dispatch: count("dispatch"),
  send: count("send"),
  releases: count("releases"),
  redrives: count("redrives"),
  attempt: count("attempt"),
  fence: count("fence"),
  token: text("token"),
  worker: text("worker"),
  leaseUntil: ms("lease_until"),
  phase: text("phase"),
  progress: json("progress"),
  percent: { name: "percent", type: "double precision", codec: "number" },
  etaAt: ms("eta_at"),
  startedAt: ms("started_at"),
  queuedAt: ms("queued_at"),
  updatedAt: ms("updated_at"),
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
  historyTrimmed: count("history_trimmed"),
  wakeAt: ms("wake_at"),
  purgeAt: ms("purge_at"),
};

const PLAIN = [...Object.values(FIXED_COLUMNS), ...Object.values(PATCH_COLUMNS)].map((column) => column.name);

/**
 * The columns that a record is read from, of the row `j`. Named one by one: a column that a later schema adds changes
 * nothing here.
 */
export const JOB_COLUMNS: string = [
  ...PLAIN.map((name) => `j.${name}`),
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
