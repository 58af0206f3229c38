import { readFileSync } from "node:fs";
import { createWaybill, servedElsewhere } from "waybill";
import { DEATHS } from "./victim.js";
import { bystand, step } from "./kinds.js";
import { stageOn } from "./launch.js";
import type { Place } from "./places.js";
import { readReceived } from "./receivers.js";
import { percentiles, type Percentiles, until } from "./figures.js";

/** How long after a worker died whose outcome was just stored, in milliseconds. */
export interface AfterDeath {
  readonly kills: number;
  /** Until the notifier of another process was told of the outcome. */
  readonly toldMs: Percentiles;
  /** Until `result()` in another process had it. */
  readonly resultMs: Percentiles;
}

/**
 * A worker is killed in the moment that the outcome of its job is stored, again and again, while another process lives that
 * has the notifier and works on other jobs.
 */
export async function killedOnceStored(place: Place, kills: number): Promise<AfterDeath> {
  const stage = await stageOn(place);
  try {
    const receivers = { ui: "well" } as const;
    const alive = await stage.start({ role: "bystand", receivers });
    const { store, close } = stage.open();
    const waybill = createWaybill({
      jobs: [step, bystand],
      store,
      notifiers: { ui: servedElsewhere() },
    });
    const toldMs: number[] = [];
    const resultMs: number[] = [];
    // The first is not counted: the process that lives may not listen yet.
    for (let n = -1; n < kills; n += 1) {
      const victim = await stage.start({ role: "die", receivers });
      const { id } = await waybill.submit(step, { n }).unwrap();
      await waybill.result(step, id);
      const resultAt = Date.now();
      await victim.ended;
      const diedAt = Number(readFileSync(`${stage.folder}/${DEATHS}`, "utf8").trimEnd().split("\n").at(-1));
      const end = await until(() =>
        readReceived(stage.folder, "ui").find(({ jobId, type }) => jobId === id && type === "job.completed"),
      );
      if (n < 0) continue;
      toldMs.push(end.heardAt - diedAt);
      resultMs.push(Math.max(0, resultAt - diedAt));
    }
    await waybill.close();
    await close();
    await alive.stop();
    return { kills, toldMs: percentiles(toldMs), resultMs: percentiles(resultMs) };
  } finally {
    await stage.close();
  }
}
