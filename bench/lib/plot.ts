import type { Line } from "./results.js";
import { figure, TITLES } from "./table.js";

const WIDTH = 900;
const LABEL = 190;
const BAR = 18;
const GAP = 6;
const RIGHT = 170;
const COLOURS = { waybill: "#1f6feb", peer: "#8c959f", floor: "#d0d7de", before: "#79b8ff" } as const;

/** A panel of bars for each measure of each engine; a thin line from the lowest to the highest run. */
export function plotOf(lines: readonly Line[], caption: string): string {
  const panels = [...new Set(lines.map(({ engine, measure }) => `${engine}\n${measure}`))];
  const parts: string[] = [];
  let y = 46;
  for (const panel of panels) {
    const shown = lines.filter(({ engine, measure }) => `${engine}\n${measure}` === panel);
    const most = Math.max(...shown.map(({ spread }) => spread.max));
    const [first] = shown;
    if (first === undefined) continue;
    const better = first.unit === "ms" ? "less is better" : "more is better";
    parts.push(text(0, y, `${first.engine}: ${TITLES[first.measure]}, ${better}`, 'font-weight="bold"'));
    y += 10;
    for (const line of shown) {
      parts.push(bar(line, y, most));
      y += BAR + GAP;
    }
    y += 24;
  }
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${y}" font-family="sans-serif" font-size="12">`,
    `<rect width="${WIDTH}" height="${y}" fill="white"/>`,
    text(0, 18, caption, 'fill="#57606a"'),
    ...parts,
    "</svg>\n",
  ].join("\n");
}

function bar({ name, role, unit, spread }: Line, y: number, most: number): string {
  const scale = (value: number): number => (value / most) * (WIDTH - LABEL - RIGHT);
  const middle = y + BAR / 2;
  const [from, to] = [LABEL + scale(spread.min), LABEL + scale(spread.max)].map((x) => x.toFixed(1));
  return [
    text(0, middle + 4, name),
    `<rect x="${LABEL}" y="${y}" width="${scale(spread.median).toFixed(1)}" height="${BAR}" fill="${COLOURS[role]}"/>`,
    `<line x1="${from}" x2="${to}" y1="${middle}" y2="${middle}" stroke="#24292f"/>`,
    text(WIDTH - RIGHT + 10, middle + 4, figure(spread.median, unit)),
  ].join("\n");
}

function text(x: number, y: number, words: string, more = ""): string {
  const escaped = words.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
  return `<text x="${x + 8}" y="${y}" ${more}>${escaped}</text>`;
}
