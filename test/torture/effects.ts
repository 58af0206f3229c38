import { readdirSync } from "node:fs";
import { join } from "node:path";
import { type AppendLog, appendLog, readLog } from "./append-log.js";

/** What a handler did, as it noted it outside the store at that moment. */
export interface Effect {
  /**
   * - `begin`: a run under a claim; `step`: the checkpoint that it found.
   * - `checkpoint`: `step` was answered as durable.
   * - `end`: the run came to what `said` says, before anything of it was stored.
   * - `poll`: outside work was seen.
   */
  readonly what: "begin" | "checkpoint" | "end" | "poll";
  readonly life: string;
  readonly jobId: string;
  readonly fence: number;
  readonly attempt: number;
  readonly at: number;
  readonly step?: number;
  readonly said?: "done" | "tracked" | "permanent" | "failed" | "aborted" | "open" | "cancelled" | "unknown";
}

const PREFIX = "effects-";

/** The effects of one life: no two processes share a file. */
export function effectLog(folder: string, life: string): AppendLog {
  return appendLog(join(folder, `${PREFIX}${life}.log`));
}

/** How many runs a life has begun and not ended. */
export function underWay(folder: string, life: string): number {
  const effects = readLog(join(folder, `${PREFIX}${life}.log`)) as readonly Effect[];
  const count = (what: Effect["what"]): number => effects.filter((effect) => effect.what === what).length;
  return count("begin") - count("end");
}

/** The effects of all lives, each life's in order. */
export function readEffects(folder: string): readonly Effect[] {
  const files = readdirSync(folder).filter((name) => name.startsWith(PREFIX));
  return files.flatMap((name) => readLog(join(folder, name)) as readonly Effect[]);
}
