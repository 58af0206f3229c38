import { END_MARK, type Peer } from "../peer.js";
import { bullmqModule, bullmqSide } from "./bullmq.js";

export const bullmqRedis: Peer = {
  name: "BullMQ",
  engine: "redis",
  package: "bullmq",
  settings: [
    "Queue and Worker with their defaults: lockDuration 30 s, stalledInterval 30 s, maxStalledCount 1; attempts 3",
  ],
  keeps: "outcome",
  completion: END_MARK,
  open: async ({ port }) => {
    const connection = { host: "127.0.0.1", port };
    return bullmqSide(await bullmqModule(), { connection }, undefined, async () => undefined);
  },
};
