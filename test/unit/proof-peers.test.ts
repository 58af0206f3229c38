import { describe, expect, it } from "vitest";
import { FAULTS } from "../../scripts/peer-faults/faults/all.js";
import { type Cell, cellOf, tableOf } from "../../scripts/peer-faults/table.js";
import { FakeStage, type Lie } from "./peer-faults/fake-stage.js";

const WHEN = { at: "2026-01-01", elapsedMs: 1 };

async function cellsOf(name: string, lie: Lie | null): Promise<readonly Cell[]> {
  const cells: Cell[] = [];
  for (const fault of FAULTS) cells.push(cellOf(name, fault, await fault.run(new FakeStage(lie)), WHEN));
  return cells;
}

/** The faults under which a peer with that lie shows it. */
async function shownBy(lie: Lie | null): Promise<readonly string[]> {
  const cells = await cellsOf("fake", lie);
  return cells
    .filter(({ verdict }) => verdict !== "holds")
    .map(({ fault, verdict, text }) => `${fault}: ${verdict}: ${text}`);
}

describe("the table of peers under faults", () => {
  it("finds nothing with a peer that keeps its word", async () => {
    expect(await shownBy(null)).toEqual([]);
  });

  const lies: readonly (readonly [Lie, readonly string[]])[] = [
    [
      "takes the finish of a worker that lost its job",
      [
        expect.stringMatching(
          /^stale-finish: breaks: 20 of 20 accepted; 20 outcomes are the second worker's/,
        ),
      ],
    ],
    [
      "leaves the jobs of a dead worker",
      [
        expect.stringMatching(/^stale-finish: partly: only 0 of 20 taken over/),
        expect.stringMatching(/^killed-worker: breaks: 0 of 20 run again within/),
      ],
    ],
    ["forgets jobs with its server", [expect.stringMatching(/^killed-server: breaks: \d+ of 500 lost/)]],
    [
      "runs a job again whose completion it stored",
      [
        expect.stringMatching(/^lost-completion-reply: partly: 2 runs, completed/),
        expect.stringMatching(/^killed-once-stored: breaks: 2 runs/),
      ],
    ],
    [
      "adds a job again whose reply was lost",
      [
        expect.stringMatching(
          /^lost-add-reply: partly: 10 adds became 20 jobs \(none rejected\); with a key 10/,
        ),
      ],
    ],
    [
      "adds a job again in spite of its key",
      [expect.stringMatching(/^lost-add-reply: breaks: 10 adds became 10 jobs .*; with a key 20/)],
    ],
    ["says completed without the outcome", [expect.stringMatching(/^unstorable: breaks: a BigInt: empty/)]],
    [
      "runs a job without end whose outcome it cannot store",
      [expect.stringMatching(/^unstorable: breaks: a BigInt: open/)],
    ],
    ["keeps what was rolled back", [expect.stringMatching(/^rolled-back: breaks: 10 of 10 rolled back ran/)]],
  ];

  it.each(lies)("tells one that %s by that alone", async (lie, shown) => {
    expect(await shownBy(lie)).toEqual(shown);
  });

  it("is a row for each fault and a column for each peer, and says what was not run", async () => {
    const cells = (await cellsOf("fake", null)).filter(({ fault }) => fault === "rolled-back");
    const rows = tableOf(["fake", "other"], FAULTS, cells).split("\n");
    expect(rows).toHaveLength(2 + FAULTS.length);
    expect(rows.at(-1)).toBe(
      "| The application's transaction rolled back | ✓ 0 of 10 rolled back ran, 10 of 10 committed | not run |",
    );
    expect(rows[2]).toBe("| A stalled worker's late finish | not run | not run |");
  });
});
