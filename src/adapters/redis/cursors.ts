import type { Cursor, Cursors } from "../../core/record.js";
import { unreadableReply } from "./errors.js";

const NONE = "-";

/** As a script compares it: place, attempts, retry, versions given up; then what no script looks at: since, reason. */
export function encodeCursor({ upTo, attempts, since, retryAt, reason, exhausted }: Cursor): string {
  const givenUp = exhausted.length === 0 ? NONE : exhausted.join(",");
  const why = reason === null ? "" : ` ${JSON.stringify(reason)}`;
  return `${upTo} ${attempts} ${retryAt ?? NONE} ${givenUp} ${since ?? NONE}${why}`;
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
  const [upTo, attempts, retryAt = NONE, exhausted = NONE, since = NONE, ...why] = text.split(" ");
  return {
    upTo: Number(upTo),
    attempts: Number(attempts),
    since: since === NONE ? null : Number(since),
    retryAt: retryAt === NONE ? null : Number(retryAt),
    reason: why.length === 0 ? null : (JSON.parse(why.join(" ")) as string),
    exhausted: exhausted === NONE ? [] : exhausted.split(",").map(Number),
  };
}
