import type { ChangingFields, FixedFields, JobRecord } from "../../core/record.js";
import type { AttributeValue } from "./client.js";
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
  maxAttempts: "number",
  recordVersion: "number",
  notifiers: "list",
  createdAt: "number",
  origin: "text",
  scope: "text",
  inputHash: "text",
  deadlineAt: "number",
  retainMs: "number",
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
