/** Splits an expression at a word or a comma, outside of brackets; the `AND` of a `BETWEEN` joins nothing. */
export function splitExpression(text: string, separator: "AND" | "OR" | ","): readonly string[] {
  const parts: string[] = [];
  let depth = 0;
  let isBetween = false;
  let from = 0;
  for (const { 0: word, index } of text.matchAll(/[(),]|[#:]?\w+/g)) {
    if (word === "(") depth += 1;
    else if (word === ")") depth -= 1;
    else if (depth > 0) continue;
    else if (word === "BETWEEN") isBetween = true;
    else if (word === "AND" && isBetween) isBetween = false;
    else if (word === separator) {
      parts.push(text.slice(from, index).trim());
      from = index + word.length;
    }
  }
  parts.push(text.slice(from).trim());
  return parts;
}

/** The clauses of an update: `SET a, b REMOVE c` is three. */
export function updateClauses(
  text: string,
): readonly { readonly section: "SET" | "REMOVE"; readonly clause: string }[] {
  const sections = [...text.matchAll(/\b(SET|REMOVE)\b(.*?)(?=\b(?:SET|REMOVE)\b|$)/g)];
  return sections.flatMap(([, section, clauses = ""]) =>
    splitExpression(clauses, ",").map((clause) => ({ section: section as "SET" | "REMOVE", clause })),
  );
}

export function updateOf(clauses: ReturnType<typeof updateClauses>): string {
  return (["SET", "REMOVE"] as const)
    .flatMap((section) => {
      const own = clauses.filter((one) => one.section === section).map(({ clause }) => clause);
      return own.length === 0 ? [] : [`${section} ${own.join(", ")}`];
    })
    .join(" ");
}
