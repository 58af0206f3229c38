/** A sentence about a name that is not known: what was meant, or else what there is. */
export function meant(name: string, known: readonly string[]): string {
  const near = nearest(name, known);
  return near === null ? `It takes ${known.join(", ")}.` : `Did you mean ${near}?`;
}

/** The known name nearest to a given one; `null`: none is near enough to be meant. */
export function nearest(name: string, known: readonly string[]): string | null {
  const lower = name.toLowerCase();
  let best: string | null = null;
  let least = Math.max(2, Math.floor(name.length / 3)) + 1;
  for (const each of known) {
    const apart = distance(lower, each.toLowerCase());
    if (apart < least) [best, least] = [each, apart];
  }
  return best;
}

/** Levenshtein distance. */
function distance(a: string, b: string): number {
  // A name this long is none of ours, and the table would grow with it.
  if (a.length > 60) return Number.POSITIVE_INFINITY;
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const substituted = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(substituted, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
