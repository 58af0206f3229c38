import { type Cursor, type Cursors, START } from "../../job/record.js";

/** The cursor of a notifier, by own key only: `constructor` is a name like any other. */
export function cursorOf(cursors: Cursors, notifier: string): Cursor {
  return (Object.hasOwn(cursors, notifier) ? cursors[notifier] : undefined) ?? START;
}
