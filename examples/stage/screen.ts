import { stripVTControlCharacters, styleText } from "node:util";

/** A table as it is now. The first cell of a row names it, and a row keeps its name. */
export interface Table {
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** Where a run is seen: a table drawn in place on a terminal, a plain line per change in a pipe. */
export interface Screen {
  /** A line that stays. */
  say(line: string): void;
  /** The table as it is now, in place of what was shown before. */
  show(table: Table): void;
  /** What was shown last stays. */
  keep(): void;
  /** The last line: what is true of the store, or is not. */
  verdict(isTrue: boolean, sentence: string): void;
}

const WIDEST = 100;

export interface Out {
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
  write(text: string): unknown;
}

export function openScreen(out: Out, now: () => number = () => performance.now()): Screen {
  return out.isTTY === true ? terminal(out) : pipe(out, now);
}

function pipe(out: Out, now: () => number): Screen {
  const startedAt = now();
  const shown = new Map<string, string>();
  const say = (line: string): void => {
    const seconds = ((now() - startedAt) / 1_000).toFixed(1).padStart(4);
    out.write(`+${seconds} s  ${line}\n`);
  };
  return {
    say,
    show({ head, rows }) {
      // Whoever reads a pipe has no table to look at: the columns are named once.
      if (shown.size === 0) say(laidOut([head], widthsOf([head, ...rows]))[0] ?? "");
      for (const row of rows) {
        const [name = ""] = row;
        const line = laidOut([row], widthsOf(rows))[0] ?? "";
        if (shown.get(name) === row.join("\t")) continue;
        shown.set(name, row.join("\t"));
        say(line);
      }
    },
    keep: () => undefined,
    verdict(isTrue, sentence) {
      out.write(`${mark(isTrue)} ${sentence}\n`);
    },
  };
}

function terminal(out: Out): Screen {
  let drawn = 0;
  let kept: string[] = [];
  const clear = (): void => {
    if (drawn > 0) out.write(`\u001B[${String(drawn)}A\u001B[0J`);
    drawn = 0;
  };
  const draw = (): void => {
    const room = Math.max(4, (out.rows ?? 40) - 2);
    const lines = kept.length > room ? [...kept.slice(0, room - 1), "…"] : kept;
    out.write(lines.map((line) => `${line}\n`).join(""));
    drawn = lines.length;
  };
  return {
    say(line) {
      clear();
      out.write(`${line}\n`);
      draw();
    },
    show({ head, rows }) {
      clear();
      const wide = Math.min(WIDEST, Math.max(40, (out.columns ?? WIDEST) - 1));
      const [title = "", ...lines] = laidOut([head, ...rows], widthsOf([head, ...rows]));
      kept = [paint("bold", title.slice(0, wide)), ...lines.map((line) => line.slice(0, wide))];
      draw();
    },
    keep() {
      kept = [];
      drawn = 0;
    },
    verdict(isTrue, sentence) {
      kept = [];
      drawn = 0;
      out.write(`${paint(isTrue ? "green" : "red", mark(isTrue))} ${sentence}\n`);
    },
  };
}

function mark(isTrue: boolean): string {
  return isTrue ? "✓" : "✗";
}

/** Colours are for a terminal that wants them: `styleText` looks at NO_COLOR and the stream. */
function paint(style: "bold" | "green" | "red", text: string): string {
  return process.env["NO_COLOR"] ? text : styleText(style, text);
}

function widthsOf(rows: readonly (readonly string[])[]): readonly number[] {
  const most = Math.max(0, ...rows.map((row) => row.length));
  return Array.from({ length: most }, (_, column) =>
    Math.max(0, ...rows.map((row) => lengthOf(row[column] ?? ""))),
  );
}

function laidOut(rows: readonly (readonly string[])[], widths: readonly number[]): readonly string[] {
  return rows.map((row) =>
    row
      .map((cell, column) => cell + " ".repeat(Math.max(0, (widths[column] ?? 0) - lengthOf(cell))))
      .join("  ")
      .trimEnd(),
  );
}

function lengthOf(cell: string): number {
  return Array.from(stripVTControlCharacters(cell)).length;
}
