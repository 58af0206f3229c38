import { CONNECTED } from "../nemesis.js";
import type { TortureOptions } from "../torture.js";

/** What runs on every change: 200 jobs, and each role killed once. The long run is `scripts/proof-torture.ts --queue`. */
export const SHORT_PAIR: TortureOptions = {
  seed: Number(process.env["TORTURE_SEED"] ?? 1),
  jobs: 200,
  workers: 2,
  kills: 3,
  stops: 0,
  orderly: 0,
  serverKills: 0,
  ...CONNECTED,
  loadMs: 9_000,
  drainMs: 60_000,
};
