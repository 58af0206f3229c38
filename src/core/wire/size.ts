const utf8 = new TextEncoder();

/** How many bytes a text takes on the wire: limits are in bytes, and a character is one to four of them. */
export function wireBytes(text: string): number {
  return utf8.encode(text).length;
}
