import { existsSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { DEFAULT_POLICY } from "../../src/core/defaults.js";

const ROOT = new URL("../../", import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, ROOT), "utf8");
const page = read("docs/operating.md");

/** The default of an option of a worker, as its docstring has it. */
function workerDefault(option: string): string | undefined {
  const worker = read("src/core/api/worker.ts");
  return new RegExp(`@default (\\S+)[^@]*?readonly ${option}\\?:`).exec(worker)?.[1];
}

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** A default with the unit in which people read it. */
function shown(name: string, value: number): string {
  const units = name.endsWith("Ms")
    ? ([
        [DAY, "days"],
        [HOUR, "h"],
        [MINUTE, "min"],
        [SECOND, "s"],
        [1, "ms"],
      ] as const)
    : name.endsWith("Bytes")
      ? ([
          [1_024 * 1_024, "MiB"],
          [1_024, "KiB"],
        ] as const)
      : [];
  // A day and three of them are said in hours.
  const unit = units.find(([size, word]) => value % size === 0 && (word !== "days" || value > 3 * DAY));
  return unit === undefined ? String(value) : `${String(value / unit[0])} ${unit[1]}`;
}

describe("docs/operating.md", () => {
  it("says the defaults as they are", () => {
    const said = (pattern: RegExp): string | undefined => pattern.exec(page)?.[1];
    const { leaseMs, sendGraceMs, redispatchAfterMs, redispatchCapMs, retainMs, parkedRetainMs, notifier } =
      DEFAULT_POLICY;
    expect({
      concurrency: said(/`concurrency` \((\d+)\)/),
      prefetch: said(/`prefetch` \((\d+)\)/),
      shutdown: said(/after `shutdownTimeoutMs` \((\d+) s\)/),
      lease: said(/`leaseMs` \((\d+) s\)/),
      send: said(/sent again from (\d+) s on/),
      again: said(/sent again after (\d+) min/),
      atMost: said(/ever more seldom, up to (\d+) h/),
      retained: said(/`retainMs` \((\d+) days\)/),
      given: said(/`giveUpAfterMs` \((\d+) h\)/),
      parked: said(/kept for (\d+) days/),
    }).toEqual({
      concurrency: workerDefault("concurrency"),
      prefetch: workerDefault("prefetch"),
      shutdown: workerDefault("shutdownTimeoutMs")?.replace("_000", ""),
      lease: String(leaseMs / SECOND),
      send: String(sendGraceMs / SECOND),
      again: String(redispatchAfterMs / MINUTE),
      atMost: String(redispatchCapMs / HOUR),
      retained: String(retainMs / DAY),
      given: String(notifier.giveUpAfterMs / HOUR),
      parked: String(parkedRetainMs / DAY),
    });
  });

  it("has a row for each policy, with its default", () => {
    const { retry, notifier, ...single } = DEFAULT_POLICY;
    const defaults = {
      ...Object.fromEntries(Object.entries(single).map(([name, value]) => [name, shown(name, value)])),
      retry: [
        `${String(retry.maxAttempts)} attempts`,
        ...[retry.baseMs, retry.capMs].map((ms) => shown("Ms", ms)),
      ].join(", "),
      notifier: [notifier.giveUpAfterMs, notifier.baseMs, notifier.capMs]
        .map((ms) => shown("Ms", ms))
        .join(", "),
    };
    const [, section = ""] = /^## Policy$([^]*)/m.exec(page) ?? [];
    const rows = [...section.matchAll(/^\| `(\w+)` +\| (.*?) +\|/gm)].map(([, name, value]) => [name, value]);
    expect(Object.fromEntries(rows)).toEqual(defaults);
  });

  it("has a row for each field of health()", () => {
    const [, body = ""] = /interface Health {\n([^]*?)\n}/.exec(read("src/core/api/waybill.ts")) ?? [];
    const fields = [...body.matchAll(/^ {2}readonly (\w+):/gm)].map(([, field]) => field);
    expect(fields).toContain("unserved");
    expect(fields.filter((field) => !page.includes(`| \`${String(field)}\``))).toEqual([]);
  });

  it("leads to files that are there", () => {
    const links = [...page.matchAll(/\]\(([^)#]+)[^)]*\)/g)].map(([, link = ""]) => link);
    expect(links.length).toBeGreaterThan(5);
    expect(links.filter((link) => !existsSync(new URL(link, new URL("docs/operating.md", ROOT))))).toEqual(
      [],
    );
  });
});
