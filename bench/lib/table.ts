import type { Measure } from "./engine.js";
import { type Line, pairsOf, timesBetter } from "./results.js";

export const TITLES: Readonly<Record<Measure, string>> = {
  submit: "submit (one call per job, 100 in flight)",
  process: "process (concurrency 50, ahead)",
  strict: "process (strict: stored before the next claim)",
  open: "submit and work at once",
  alone: "one in flight, one process (median, submit to stored outcome)",
  single: "one in flight, two processes (median, submit to start)",
  steady: "a tenth of capacity offered (median, submit to start)",
  growth: "process, by settled jobs stored",
};

export function figure(value: number, unit: Line["unit"]): string {
  if (unit === "ms") return `${value.toFixed(value < 10 ? 2 : 1)} ms`;
  return `${Math.round(value).toLocaleString("en-US")}/s`;
}

function amount(value: number): string {
  return value.toLocaleString("en-US", { maximumFractionDigits: value < 100 ? 1 : 0 });
}

/** This build beside the one before: the ratio of each pair of runs that followed each other, as its median and spread. */
export function pairsTable(lines: readonly Line[]): string {
  const rows = lines.flatMap((before) => {
    const own = lines.find(
      ({ engine, measure, role }) =>
        engine === before.engine && measure === before.measure && role === "waybill",
    );
    if (before.role !== "before" || own === undefined) return [];
    const { median, min, max } = pairsOf(own, before);
    const cpu = before.cpuUsPerJob / own.cpuUsPerJob;
    const name = `${before.engine}  ${TITLES[before.measure]}`;
    const spread = `${median.toFixed(2)} (${min.toFixed(2)} – ${max.toFixed(2)})`;
    return [
      `${name}: ${spread}; CPU ${before.cpuUsPerJob.toFixed(0)} → ${own.cpuUsPerJob.toFixed(0)} µs a job, ${cpu.toFixed(2)}`,
    ];
  });
  return rows.length === 0
    ? ""
    : ["", "× the build before, in alternating pairs (above 1 is better)", ...rows].join("\n");
}

/** The lines as text: figures, their spread, and what they are beside the floor and beside Waybill. */
export function tableOf(lines: readonly Line[]): string {
  const head = ["engine", "measure", "", "median", "min–max", "µs CPU", "× floor", "Waybill ×", "and"];
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
      Object.entries(line.facts)
        .map(([name, value]) => `${name} ${amount(value)}`)
        .join(", "),
    ];
  });
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const text = (cells: readonly string[]): string =>
    cells
      .map((cell, column) =>
        column < 3 || column === head.length - 1
          ? cell.padEnd(widths[column] ?? 0)
          : cell.padStart(widths[column] ?? 0),
      )
      .join("  ")
      .trimEnd();
  return [text(head), widths.map((width) => "-".repeat(width)).join("  "), ...rows.map(text)].join("\n");
}
