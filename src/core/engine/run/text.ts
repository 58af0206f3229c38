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
  for (const key of ["message", "name"]) {
    const text = peek(thrown, key);
    if (typeof text === "string" && text !== "") return text;
  }
  if (typeof thrown === "string" && thrown !== "") return thrown;
  try {
    return `The handler threw ${String(thrown)}.`;
  } catch {
    return "The handler threw something that cannot be shown.";
  }
}
