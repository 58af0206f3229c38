import type { Json } from "../../../core/json/json.js";
import type { JobStatus } from "../../../core/job/lifecycle.js";
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
import type { AttributeValue } from "../client/client.js";
import type { ItemReader } from "./reader.js";
import { encodeText } from "./text.js";

/** How a field is written into its attribute. A count of 0 and a null are no attribute at all. */
export type FieldCodec = "text" | "json" | "number" | "count" | "list";

/** A patch as the store takes it: history goes apart. */
export type PatchField = keyof Omit<ChangingFields, "history">;

/** The fields of a record by the name of their attribute, which is their own. The id is the key. */
const FIXED_FIELDS: Readonly<Record<Exclude<keyof FixedFields, "id">, FieldCodec>> = {
  kind: "text",
  owner: "text",
  subject: "text",
  metadata: "json",
  queue: "text",
  handOver: "text",
  maxAttempts: "number",
  recordVersion: "number",
  notifiers: "list",
  createdAt: "number",
  origin: "text",
  scope: "text",
  inputHash: "text",
  deadlineAt: "number",
  retainMs: "number",
  trace: "json",
};

const PATCH_FIELDS: Readonly<Record<PatchField, FieldCodec>> = {
  status: "text",
  version: "number",
  dispatch: "number",
  send: "count",
  releases: "count",
  redrives: "count",
  attempt: "count",
  fence: "count",
  token: "text",
  worker: "text",
  leaseUntil: "number",
  phase: "text",
  progress: "json",
  percent: "number",
  etaAt: "number",
  startedAt: "number",
  queuedAt: "number",
  updatedAt: "number",
  finishedAt: "number",
  readyAt: "number",
  sendAt: "number",
  retryAt: "number",
  lastError: "json",
  awaiting: "json",
  poll: "json",
  cancel: "json",
  checkpoint: "json",
  failure: "json",
  historyTrimmed: "count",
  wakeAt: "number",
  purgeAt: "number",
};

type PlainField = Exclude<keyof JobRecord, "id" | "history">;

const FIELDS = Object.entries({ ...FIXED_FIELDS, ...PATCH_FIELDS }) as readonly (readonly [
  PlainField,
  FieldCodec,
])[];

/** Attributes to set; `null`: to take away. */
export type Attributes = Record<string, AttributeValue | null>;

export function encodeRecord(record: JobRecord): Attributes {
  return Object.fromEntries(FIELDS.map(([field, codec]) => [field, encodeField(codec, record[field])]));
}

/** @param patch - fields that are not given are left alone */
export function encodePatch(patch: Partial<Record<PatchField, unknown>>): Attributes {
  const attributes: Attributes = {};
  for (const [field, value] of Object.entries(patch) as [PatchField, unknown][]) {
    if (value !== undefined) attributes[field] = encodeField(PATCH_FIELDS[field], value);
  }
  return attributes;
}

function encodeField(codec: FieldCodec, value: unknown): AttributeValue | null {
  if (value === null) return null;
  switch (codec) {
    case "text":
      return { S: encodeText(value as string) };
    case "json":
      return { S: JSON.stringify(value) };
    case "list":
      return (value as readonly unknown[]).length === 0 ? null : { S: JSON.stringify(value) };
    case "count":
      return value === 0 ? null : numeric(value as number);
    case "number":
      return numeric(value as number);
  }
}

export function numeric(value: number): AttributeValue {
  return { N: String(value) };
}

/** What of the attributes there is, for an item that is written whole. */
export function present(attributes: Attributes): Record<string, AttributeValue> {
  return Object.fromEntries(
    Object.entries(attributes).filter((entry): entry is [string, AttributeValue] => entry[1] !== null),
  );
}

/**
 * A record out of its item. One literal: an object of this size that is built up field by field costs many times as much.
 *
 * @throws StoreCorruptError when the item holds what the store never writes
 */
export function decodeRecord(item: ItemReader, status: JobStatus): JobRecord {
  return {
    id: item.id,
    kind: item.text("kind"),
    owner: item.textOrNull("owner"),
    subject: item.textOrNull("subject"),
    metadata: item.json("metadata") as Json,
    queue: item.textOrNull("queue"),
    handOver: item.textOrNull("handOver") as JobRecord["handOver"],
    maxAttempts: item.number("maxAttempts"),
    recordVersion: item.number("recordVersion"),
    notifiers: (item.json("notifiers") ?? []) as readonly string[],
    createdAt: item.number("createdAt"),
    origin: item.textOrNull("origin"),
    scope: item.textOrNull("scope"),
    inputHash: item.textOrNull("inputHash"),
    deadlineAt: item.numberOrNull("deadlineAt"),
    retainMs: item.number("retainMs"),
    trace: item.json("trace") as JobRecord["trace"],
    status,
    version: item.number("version"),
    dispatch: item.number("dispatch"),
    send: item.count("send"),
    releases: item.count("releases"),
    redrives: item.count("redrives"),
    attempt: item.count("attempt"),
    fence: item.count("fence"),
    token: item.textOrNull("token"),
    worker: item.textOrNull("worker"),
    leaseUntil: item.numberOrNull("leaseUntil"),
    phase: item.textOrNull("phase"),
    progress: item.json("progress") as Json,
    percent: item.numberOrNull("percent"),
    etaAt: item.numberOrNull("etaAt"),
    startedAt: item.numberOrNull("startedAt"),
    queuedAt: item.numberOrNull("queuedAt"),
    updatedAt: item.number("updatedAt"),
    finishedAt: item.numberOrNull("finishedAt"),
    readyAt: item.numberOrNull("readyAt"),
    sendAt: item.numberOrNull("sendAt"),
    retryAt: item.numberOrNull("retryAt"),
    lastError: item.json("lastError") as StoredError | null,
    awaiting: item.json("awaiting") as Awaiting | null,
    poll: item.json("poll") as PollClaim | null,
    cancel: item.json("cancel") as CancelRequest | null,
    checkpoint: item.json("checkpoint") as Json,
    failure: item.json("failure") as StoredFailure | null,
    history: item.history(),
    historyTrimmed: item.count("historyTrimmed"),
    wakeAt: item.numberOrNull("wakeAt"),
    purgeAt: item.numberOrNull("purgeAt"),
  };
}
