import type { Cursors } from "../../../core/job/record.js";
import { encodeText } from "./text.js";

/** jsonb keeps no NUL either: what is any text is encoded inside too. */
export function encodeCursors(cursors: Cursors): Cursors {
  return withReasons(cursors, encodeText);
}

/** Nearly all have no reason, and stay as they are. */
export function withReasons(cursors: Cursors, change: (reason: string) => string): Cursors {
  const entries = Object.entries(cursors);
  if (entries.every(([, { reason }]) => reason === null)) return cursors;
  // fromEntries makes own keys: a notifier may be called __proto__.
  return Object.fromEntries(
    entries.map(([name, cursor]) => {
      const { reason } = cursor;
      return [name, { ...cursor, reason: reason === null ? null : change(reason) }];
    }),
  );
}
