/** Most bytes of what a subscriber gets: AppSync allows 240 KB for a subscription's payload and for an event. */
export const MOST_PUSH_BYTES = 240_000;

/** Most bytes of a request: AppSync takes 1 MB, and the query stands beside what is sent. */
export const MOST_REQUEST_BYTES = 900_000;

const CUT = "…";

/** The bytes of a value as JSON in UTF-8. */
export function jsonBytes(value: unknown): number {
  return new TextEncoder().encode(JSON.stringify(value)).length;
}

/**
 * A text whose content takes at most so many bytes inside a JSON string (an escape is longer than its character), whole or
 * with a mark where it was cut; `null`: not even the mark has room.
 */
export function clipToBytes(text: string, mostBytes: number): string | null {
  const fits = (candidate: string): boolean => jsonBytes(candidate) - 2 <= mostBytes;
  if (fits(text)) return text;
  // The longest beginning that fits: its size grows with its length, so halving finds it.
  let [shortest, longest] = [0, Math.min(text.length, Math.max(0, mostBytes))];
  while (shortest < longest) {
    const half = Math.ceil((shortest + longest) / 2);
    if (fits(cutAt(text, half))) shortest = half;
    else longest = half - 1;
  }
  const cut = cutAt(text, shortest);
  return fits(cut) ? cut : null;
}

/** The beginning of a text, with a mark. Half a character is left out: it would be none, and its escape is longer. */
function cutAt(text: string, length: number): string {
  const unit = text.charCodeAt(length - 1);
  const endsInHalf = unit >= 0xd800 && unit <= 0xdbff;
  return text.slice(0, endsInHalf ? length - 1 : length) + CUT;
}
