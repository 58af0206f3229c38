/** Text as every store can hold it: no NUL, no half characters, bounded. */
export function storable(text: string, maxChars: number): string {
  const clipped = text.length > maxChars ? `${text.slice(0, maxChars - 1)}…` : text;
  return clipped.replaceAll("\0", "\uFFFD").replace(/\p{Surrogate}/gu, "\uFFFD");
}

/** A property of anything at all; `undefined` where reading it throws. */
export function peek(value: unknown, key: string): unknown {
  if ((typeof value !== "object" && typeof value !== "function") || value === null) return undefined;
  try {
    return (value as Readonly<Record<string, unknown>>)[key];
  } catch {
    return undefined;
  }
}

/** Something to say about anything that was thrown. Total: never throws. */
export function messageOf(thrown: unknown): string {
  const said = textOf(thrown, "message");
  if (said !== null) return said;
  const name = textOf(thrown, "name");
  if (name !== null) return `${name}${behindName(thrown)}`;
  if (typeof thrown === "string" && thrown !== "") return thrown;
  try {
    return `The handler threw ${String(thrown)}.`;
  } catch {
    return "The handler threw something that cannot be shown.";
  }
}

/**
 * What an error without a text still says: a connection that every address of a name refused has its errors, of which the first
 * three are enough to read, and a code.
 */
function behindName(thrown: unknown): string {
  const errors = peek(thrown, "errors");
  const texts = [0, 1, 2].flatMap((index) => textOf(peek(errors, String(index)), "message") ?? []);
  if (texts.length > 0) return `: ${texts.join("; ")}`;
  const code = textOf(thrown, "code");
  return code === null ? "" : ` (${code})`;
}

function textOf(value: unknown, key: string): string | null {
  const text = peek(value, key);
  return typeof text === "string" && text !== "" ? text : null;
}
