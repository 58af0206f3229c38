import type { Session } from "../connection.js";

/** A longer one goes by itself: a batch of such texts would be in memory several times over. */
const LONG_TEXT = 16 * 1024;

/** Runs a statement over texts by their keys, which it takes as one JSON object; as few times as their lengths allow. */
export function sendTexts(
  session: Session,
  sql: string,
  texts: Iterable<readonly [key: string | number, text: string]>,
): void {
  let together: (readonly [key: string | number, text: string])[] = [];
  const flush = (): void => {
    session.run(sql, keyed(together));
    together = [];
  };
  for (const one of texts) {
    together.push(one);
    if (one[1].length > LONG_TEXT) flush();
  }
  if (together.length > 0) flush();
}

/** An object of any keys: none of them means anything else to it. */
export function keyed(values: readonly (readonly [key: string | number, value: unknown])[]): string {
  return JSON.stringify(Object.fromEntries(values));
}
