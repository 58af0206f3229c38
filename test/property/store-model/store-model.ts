import fc from "fast-check";
import { it } from "vitest";
import { COMMANDS } from "./commands.js";
import { type ModelFixture, ModelWorld } from "./world.js";

const DEFAULT_RUNS = 200;
/** Half as many on average. */
const MOST_COMMANDS = 80;
/** For what hangs, not for what is slow. */
const MS_PER_RUN = 10_000;

/**
 * Runs rows of calls, made by chance, on a store and on the memory store, its model: every reply and all that is stored
 * after it must be the same. A failure is shrunk and printed with its seed and path, which these put in again:
 *
 * - `WAYBILL_MODEL_RUNS`: how many rows.
 * - `WAYBILL_MODEL_SEED`, `WAYBILL_MODEL_PATH` and `WAYBILL_MODEL_REPLAY`: those that a failure printed as `seed`, `path`
 *   and `replayPath`. Without a seed it is always the same one, so that a build does not fail by chance.
 *
 * @param open - makes an empty place to store jobs in
 * @param rows - how many, unless the environment says it: fewer where each takes long
 */
export function storeModel(open: () => Promise<ModelFixture>, rows = DEFAULT_RUNS): void {
  const runs = Number(process.env["WAYBILL_MODEL_RUNS"] ?? rows);
  const path = process.env["WAYBILL_MODEL_PATH"];
  it(
    `answers like its model, in ${String(runs)} rows of calls`,
    async () => {
      await fc.assert(modelProperty(open), {
        numRuns: runs,
        seed: Number(process.env["WAYBILL_MODEL_SEED"] ?? 1),
        ...(path === undefined ? {} : { path }),
      });
    },
    60_000 + runs * MS_PER_RUN,
  );
}

/** What holds for each row of calls. */
export function modelProperty(open: () => Promise<ModelFixture>): fc.IAsyncProperty<[ModelRow]> {
  const replayPath = process.env["WAYBILL_MODEL_REPLAY"];
  const rows = fc.commands([...COMMANDS], {
    maxCommands: MOST_COMMANDS,
    size: "max",
    ...(replayPath === undefined ? {} : { replayPath }),
  });
  return fc.asyncProperty(rows, async (row) => {
    const fixture = await open();
    try {
      const world = new ModelWorld(fixture);
      await world.begin();
      await fc.asyncModelRun(() => ({ model: {}, real: world }), row);
    } finally {
      await fixture.close();
    }
  });
}

type ModelRow = Iterable<fc.AsyncCommand<object, ModelWorld>>;
