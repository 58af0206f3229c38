import type { CreateItem } from "../../../core/ports/store.js";
import type { ChangingFields, FixedFields } from "../../../core/job/record.js";
import { type Column, encodeField, FIXED_COLUMNS, PATCH_COLUMNS } from "./columns.js";
import { refKeysOf } from "./refs.js";

type PlainField = keyof FixedFields | keyof Omit<ChangingFields, "history">;

const FIELDS = Object.entries({ ...FIXED_COLUMNS, ...PATCH_COLUMNS }) as readonly (readonly [
  PlainField,
  Column,
])[];

/** What new jobs of one kind have in common: where a whole batch does, it is said once and not in each row. */
const COMMON = new Set<PlainField>([
  "kind",
  "maxAttempts",
  "recordVersion",
  "retainMs",
  "status",
  "version",
  "dispatch",
  "send",
  "releases",
  "redrives",
  "attempt",
  "fence",
  "historyTrimmed",
]);

const OWN = FIELDS.filter(([field]) => !COMMON.has(field));
const SHARED = FIELDS.filter(([field]) => COMMON.has(field));

/** A batch of new jobs in SQL: rows `w`, joined to one row `c`, with the columns that any of them has. */
export interface NewRows {
  /** `name type` of each column of `w`. */
  readonly declared: string;
  /** The same of `c`; empty: the rows differ there too. */
  readonly sharedDeclared: string;
  /** The columns of the table, and where each value comes from. */
  readonly names: string;
  readonly values: string;
  readonly rows: string;
  readonly shared: string;
}

export function newRows(items: readonly CreateItem[]): NewRows {
  const [first] = items;
  const alike =
    first !== undefined &&
    items.every(({ record }) => SHARED.every(([field]) => record[field] === first.record[field]));
  const own = alike ? OWN : FIELDS;
  // Also of no rows at all the statement asks for the id.
  const used = own.filter(([field]) => field === "id" || items.some(({ record }) => record[field] !== null));
  const awaits = items.some(({ record }) => record.awaiting !== null);
  const shared = alike ? SHARED : [];
  const more = awaits ? ["history", "input", "ref_keys"] : ["history", "input"];
  return {
    declared: [
      ...used.map(([, { name, type }]) => `${name} ${type}`),
      ...more.map((name) => `${name} ${name === "ref_keys" ? "text[]" : "text"}`),
    ].join(", "),
    sharedDeclared: shared.map(([, { name, type }]) => `${name} ${type}`).join(", "),
    names: [...[...used, ...shared].map(([, { name }]) => name), ...more].join(", "),
    values: [
      ...used.map(([, { name }]) => `w.${name}`),
      ...shared.map(([, { name }]) => `c.${name}`),
      ...more.map((name) => `w.${name}`),
    ].join(", "),
    rows: `[${items.map((item) => rowOf(item, used)).join(",")}]`,
    shared: JSON.stringify(
      Object.fromEntries(
        shared.map(([field, column]) => [column.name, encodeField(column, first?.record[field] ?? null)]),
      ),
    ),
  };
}

/** What is absent from an object is null in its row. */
function rowOf({ record, input }: CreateItem, used: typeof FIELDS): string {
  let text = `{"history":${JSON.stringify(record.history)},"input":${JSON.stringify(input)}`;
  for (const [field, column] of used) {
    const value = record[field];
    if (value !== null) text += `,"${column.name}":${JSON.stringify(encodeField(column, value))}`;
  }
  if (record.awaiting !== null) text += `,"ref_keys":${JSON.stringify(refKeysOf(record.awaiting))}`;
  return `${text}}`;
}
