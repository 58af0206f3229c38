import type { Facts, Fault, Verdict } from "./fault.js";

/** What one peer did under one fault. */
export interface Cell {
  readonly peer: string;
  readonly fault: string;
  readonly facts: Facts;
  readonly verdict: Verdict;
  readonly text: string;
  /** When it was looked at, as a day. */
  readonly at: string;
  readonly elapsedMs: number;
}

const SIGNS: Readonly<Record<Verdict, string>> = { holds: "✓", partly: "~", breaks: "✗", none: "–" };

/** What a fault's counts mean, as a cell. */
export function cellOf(
  peer: string,
  fault: Fault,
  facts: Facts,
  { at, elapsedMs }: Pick<Cell, "at" | "elapsedMs">,
): Cell {
  return { peer, fault: fault.name, facts, ...fault.judge(facts), at, elapsedMs };
}

/** Markdown: a row for each fault, a column for each peer. */
export function tableOf(
  peers: readonly string[],
  faults: readonly Pick<Fault, "name" | "title">[],
  cells: readonly Cell[],
): string {
  const rows = faults.map(({ name, title }) => [
    title,
    ...peers.map((peer) => {
      const cell = cells.find((one) => one.peer === peer && one.fault === name);
      return cell === undefined ? "not run" : `${SIGNS[cell.verdict]} ${cell.text}`;
    }),
  ]);
  const line = (columns: readonly string[]): string => `| ${columns.join(" | ")} |`;
  return [line(["", ...peers]), line(["---", ...peers.map(() => "---")]), ...rows.map(line)].join("\n");
}
