import { existsSync, openSync, readFileSync, writeSync } from "node:fs";

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
  return readFileSync(path, "utf8")
    .split("\n")
    .flatMap((text) => {
      // What a kill cut off has no closing bracket.
      if (!text.startsWith("{") || !text.endsWith("}")) return [];
      try {
        return [JSON.parse(text) as unknown];
      } catch {
        return [];
      }
    });
}
