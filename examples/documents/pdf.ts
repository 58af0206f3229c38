// Enough of PDF to read the text of plain documents: literal strings that are shown by Tj or TJ, in streams that are stored
// as they are or deflated.
import { inflateSync } from "node:zlib";

/** What is wrong with a file, for the person who uploaded it. */
export class UnreadableFile extends Error {
  override readonly name = "UnreadableFile";
}

/** @throws {UnreadableFile} */
export function textOfPdf(bytes: Buffer): string {
  if (!bytes.subarray(0, 1_024).includes("%PDF-")) throw new UnreadableFile("Not a PDF");
  const lines = streamsOf(bytes).flatMap(shownIn);
  const text = lines.join("\n").trim();
  if (text === "") throw new UnreadableFile("There is no text in it");
  return text;
}

function streamsOf(bytes: Buffer): readonly string[] {
  const file = bytes.toString("latin1");
  return [...file.matchAll(/<<([^]*?)>>\s*stream\r?\n([^]*?)\r?\nendstream/g)].flatMap(
    ([, dictionary = "", body = ""]) => {
      if (!dictionary.includes("/FlateDecode")) return [body];
      try {
        return [inflateSync(Buffer.from(body, "latin1")).toString("latin1")];
      } catch {
        // A picture or a font: what is no text is passed over.
        return [];
      }
    },
  );
}

/** A line for each operator that shows text. */
function shownIn(stream: string): readonly string[] {
  const lines: string[] = [];
  let line = "";
  for (const [, literal] of stream.matchAll(/\(((?:\\[^]|[^\\)])*)\)|\bT[jJ]\b/g)) {
    if (literal !== undefined) line += unescaped(literal);
    else {
      lines.push(line);
      line = "";
    }
  }
  return lines;
}

function unescaped(literal: string): string {
  return literal.replaceAll(
    /\\([^])/g,
    (_, letter: string) => ({ n: "\n", r: "\n", t: "\t" })[letter] ?? letter,
  );
}

/** Cuts a text into pieces of about so many characters, at ends of lines. */
export function chunked(text: string, chars: number): readonly string[] {
  const chunks: string[] = [];
  let current = "";
  for (const line of text.split("\n")) {
    if (current !== "" && current.length + line.length > chars) {
      chunks.push(current);
      current = "";
    }
    current = current === "" ? line : `${current}\n${line}`;
  }
  if (current !== "") chunks.push(current);
  return chunks;
}

const SIZE = 64;

/** A vector of a text: each of its words is hashed to a place. It stands for a model's, and is as reproducible as one's own. */
export function embedded(text: string): readonly number[] {
  const vector = Array.from({ length: SIZE }, () => 0);
  for (const word of text.toLowerCase().match(/\p{L}+/gu) ?? []) {
    let hash = 0;
    for (const letter of word) hash = (hash * 31 + (letter.codePointAt(0) ?? 0)) >>> 0;
    vector[hash % SIZE] = (vector[hash % SIZE] ?? 0) + 1;
  }
  const length = Math.hypot(...vector) || 1;
  return vector.map((value) => Math.round((value / length) * 1e6) / 1e6);
}

/** For each vector the places of those that are nearest to it. */
export function neighboursOf(
  vectors: readonly (readonly number[])[],
  most = 3,
): readonly (readonly number[])[] {
  return vectors.map((one, place) =>
    vectors
      .map((other, at) => ({ at, near: one.reduce((sum, value, n) => sum + value * (other[n] ?? 0), 0) }))
      .filter(({ at }) => at !== place)
      .sort((a, b) => b.near - a.near || a.at - b.at)
      .slice(0, most)
      .map(({ at }) => at),
  );
}
