/**
 * The clock that decides, read once for a statement. `now()` would be the beginning of the transaction, which is the
 * caller's in a `create`; a value read before a lock is waited for only makes leases shorter and none expire early.
 */
export const CLOCK =
  "clock as materialized (select floor(extract(epoch from clock_timestamp()) * 1000)::bigint as ms)";

/** A batch as one parameter: JSON is what every driver hands over in the same way, and cheaper than arrays of text. */
export function batch(items: readonly object[]): string {
  return JSON.stringify(items);
}

/**
 * Rows of a batch, as `w`. Each statement joins them under `w.lane = <number>`: Postgres takes such a filter to leave one
 * row, so it looks each job up by its key, whatever it believes of a table that was never analysed, and in the order of
 * the batch, so that two batches lock their jobs in the same order.
 */
export function rowsOf(parameter: number, columns: string): string {
  return `w as materialized (select * from json_to_recordset($${parameter}::text::json) as w (${columns}))`;
}

/** In the order in which every batch locks. */
export function inLockOrder<T extends { readonly id: string }>(items: readonly T[]): readonly T[] {
  return [...items].sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0));
}
