import { StoreCorruptError } from "../../../core/errors/errors.js";
import type { Cursor, Cursors } from "../../../core/job/record.js";

const NONE = "-";

/** As a script compares it: place, attempts, retry, versions given up; then what no script looks at: since, reason. */
export function encodeCursor({ upTo, attempts, since, retryAt, reason, exhausted }: Cursor): string {
  const givenUp = exhausted.length === 0 ? NONE : exhausted.join(",");
  const why = reason === null ? "" : ` ${JSON.stringify(reason)}`;
  return `${upTo} ${attempts} ${retryAt ?? NONE} ${givenUp} ${since ?? NONE}${why}`;
}

/**
 * @param reply - names and cursors by turns; `null`: there are none
 * @throws StoreCorruptError when they were not written by this store
 */
export function decodeCursors(id: string, reply: unknown): Cursors {
  try {
    return decode(reply);
  } catch {
    throw new StoreCorruptError(id, "unreadable cursors");
  }
}

function decode(reply: unknown): Cursors {
  if (reply === null) return {};
  if (!Array.isArray(reply)) throw new SyntaxError("no cursors");
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
    upTo: numberOf(upTo),
    attempts: numberOf(attempts),
    since: since === NONE ? null : numberOf(since),
    retryAt: retryAt === NONE ? null : numberOf(retryAt),
    reason: why.length === 0 ? null : (JSON.parse(why.join(" ")) as string),
    exhausted: exhausted === NONE ? [] : exhausted.split(",").map(numberOf),
  };
}

function numberOf(text: string | undefined): number {
  const number = text === undefined || text === "" ? Number.NaN : Number(text);
  if (!Number.isFinite(number)) throw new SyntaxError("no number");
  return number;
}
