import { closeSync, existsSync, fstatSync, openSync, readFileSync, readSync, writeSync } from "node:fs";

/** Lines that outlive the process that wrote them. */
export interface AppendLog {
  write(line: object): void;
}

/**
 * Appends to a file that several processes may share. Each line brings a line break of its own at both ends, so that one
 * that a kill cut off in the middle spoils no line of another process.
 */
export function appendLog(path: string): AppendLog {
  const file = openSync(path, "a");
  return {
    write(line) {
      writeSync(file, `\n${JSON.stringify(line)}\n`);
    },
  };
}

/** The whole lines of a file, in the order in which they were written. */
export function readLog(path: string): readonly unknown[] {
  if (!existsSync(path)) return [];
  return readFileSync(path, "utf8").split("\n").flatMap(lineOf);
}

/** Reads a file that grows: each call returns the lines since the last. */
export function followLog(path: string): () => readonly unknown[] {
  let from = 0;
  let rest = Buffer.alloc(0);
  return () => {
    if (!existsSync(path)) return [];
    const file = openSync(path, "r");
    try {
      const more = Buffer.alloc(fstatSync(file).size - from);
      from += readSync(file, more, 0, more.length, from);
      const whole = Buffer.concat([rest, more]);
      const end = whole.lastIndexOf("\n") + 1;
      rest = whole.subarray(end);
      return whole.subarray(0, end).toString().split("\n").flatMap(lineOf);
    } finally {
      closeSync(file);
    }
  };
}

function lineOf(text: string): readonly unknown[] {
  // What a kill cut off has no closing bracket.
  if (!text.startsWith("{") || !text.endsWith("}")) return [];
  try {
    return [JSON.parse(text) as unknown];
  } catch {
    return [];
  }
}
