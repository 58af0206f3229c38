// Stored documents are made of parts between spaces, tabs and line ends, and JSON text holds none of the last two: what may
// be any text is kept as JSON, without its quotes. Two texts are equal exactly if their stored forms are.

/** What is the same as JSON: most names are. */
const PLAIN = /^[\w.:-]*$/;

export function encodeText(text: string): string {
  if (PLAIN.test(text)) return text;
  return JSON.stringify(text).slice(1, -1);
}

/** @throws SyntaxError when it was not written by `encodeText` */
export function decodeText(stored: string): string {
  return stored.includes("\\") ? (JSON.parse(`"${stored}"`) as string) : stored;
}

/** A text that may be absent: `=` marks one that is there, so that an empty one is not none. */
export function encodeOptional(text: string | null): string {
  return text === null ? "" : `=${encodeText(text)}`;
}

export function decodeOptional(stored: string): string | null {
  return stored === "" ? null : decodeText(stored.slice(1));
}
