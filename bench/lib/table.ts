import type { Measure } from "./engine.js";
import { type Line, timesBetter } from "./results.js";

export const TITLES: Readonly<Record<Measure, string>> = {
  submit: "submit (one call per job, 100 in flight)",
  process: "process (concurrency 50, ahead)",
  strict: "process (strict: stored before the next claim)",
  open: "submit and work at once",
  single: "one in flight (median, submit to stored outcome)",
  growth: "process, by settled jobs stored",
};

export function figure(value: number, unit: Line["unit"]): string {
  if (unit === "ms") return `${value.toFixed(value < 10 ? 2 : 1)} ms`;
  return `${Math.round(value).toLocaleString("en-US")}/s`;
}

/** The lines as text: figures, their spread, and what they are beside the floor and beside Waybill. */
export function tableOf(lines: readonly Line[]): string {
  const head = ["engine", "measure", "", "median", "min–max", "µs CPU", "× floor", "Waybill ×"];
  const rows = lines.map((line) => {
    const beside = lines.filter(({ engine, measure }) => engine === line.engine && measure === line.measure);
    const floor = beside.find(({ role }) => role === "floor");
    const own = beside.find(({ role }) => role === "waybill");
    return [
      line.engine,
      TITLES[line.measure],
      line.name,
      figure(line.spread.median, line.unit),
      `${figure(line.spread.min, line.unit)} – ${figure(line.spread.max, line.unit)}`,
      line.cpuUsPerJob.toFixed(0),
      floor === undefined || floor === line ? "" : timesBetter(line, floor).toFixed(2),
      own === undefined || own === line || line.measure === "growth" ? "" : timesBetter(own, line).toFixed(2),
    ];
  });
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const text = (cells: readonly string[]): string =>
    cells
      .map((cell, column) =>
        column < 3 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join("  ");
  return [text(head), widths.map((width) => "-".repeat(width)).join("  "), ...rows.map(text)].join("\n");
}
