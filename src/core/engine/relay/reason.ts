import { isError } from "../../errors/foreign.js";

/** The most of a reason that is kept, characters. */
const MOST_REASON_CHARS = 200;
/** What a URL says between its scheme and its host, however badly it is written. */
const USER_INFO = /(\b[a-z][a-z0-9+.-]*:\/\/)[^\s"'<>]*@/gi;
const BLANK = /[\p{Cc}\s]+/gu;

/** A reason as it may be stored, logged and listed: one line, bounded, and no URL in it has credentials before its host. */
export function cleanReason(reason: unknown, otherwise: string): string {
  if (typeof reason !== "string") return otherwise;
  // A text of any length was written by whoever answered; what is cut away below is not searched.
  const line = reason
    .slice(0, 10 * MOST_REASON_CHARS)
    .replace(BLANK, " ")
    .replace(USER_INFO, "$1")
    .trim();
  if (line === "") return otherwise;
  if (line.length <= MOST_REASON_CHARS) return line;
  return `${line.slice(0, MOST_REASON_CHARS - 1).replace(/[\uD800-\uDBFF]$/, "")}…`;
}

/** What may be said of something thrown: its name and its code. Its text may hold a payload or a credential. */
export function thrownReason(error: unknown): string {
  if (!isError(error)) return "the notifier threw what is no Error";
  const { code } = error as { readonly code?: unknown };
  const shown = typeof code === "string" && /^[\w.-]{1,60}$/.test(code) ? ` (${code})` : "";
  return cleanReason(`the notifier threw ${error.name}${shown}`, "the notifier threw");
}
