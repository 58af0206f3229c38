// Postgres keeps no NUL in text, and UTF-8 cannot hold half of a surrogate pair. JSON escapes both. A quote in front marks a
// text that is stored as JSON, so one that begins with a quote is stored so too.
const NEEDS_JSON = /^"|\0|\p{Surrogate}/u;

/** Text as it is stored: itself in nearly every case. Two texts are equal exactly if their stored forms are. */
export function encodeText(text: string): string {
  return NEEDS_JSON.test(text) ? JSON.stringify(text) : text;
}

/** @throws SyntaxError when the stored text was not written by `encodeText` */
export function decodeText(stored: string): string {
  return stored.startsWith('"') ? (JSON.parse(stored) as string) : stored;
}
