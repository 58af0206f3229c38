import type { Cursor, Cursors } from "../../core/record.js";
import { unreadableReply } from "./errors.js";

/** As a script compares it: place, attempts, retry, versions given up. */
export function encodeCursor({ upTo, attempts, retryAt, exhausted }: Cursor): string {
  return `${upTo} ${attempts} ${retryAt ?? "-"} ${exhausted.join(",")}`;
}

/** @param reply - names and cursors by turns; `null`: there are none */
export function decodeCursors(reply: unknown): Cursors {
  if (reply === null) return {};
  if (!Array.isArray(reply)) throw unreadableReply();
  const entries: [string, Cursor][] = [];
  for (let index = 0; index + 1 < reply.length; index += 2) {
    entries.push([String(reply[index]), decodeCursor(String(reply[index + 1]))]);
  }
  // fromEntries defines own keys: a notifier named __proto__ is a name like any other.
  return Object.fromEntries(entries);
}

function decodeCursor(text: string): Cursor {
  const [upTo, attempts, retryAt, exhausted = ""] = text.split(" ");
  return {
    upTo: Number(upTo),
    attempts: Number(attempts),
    retryAt: retryAt === "-" ? null : Number(retryAt),
    exhausted: exhausted === "" ? [] : exhausted.split(",").map(Number),
  };
}
