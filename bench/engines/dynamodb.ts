import type { Engine, Measure } from "../lib/engine.js";
import { startDynalite } from "../servers/dynalite.js";

const ahead = { concurrency: 50, ahead: 0, alert: false };
/** The queue hands messages to a free handler, so nothing is claimed ahead. */
const measures: readonly Measure[] = ["submit", "strict", "open", "alone"];

/** The queue beside the table is in memory, so submitting and working share a process. */
export const dynamodb: Engine = {
  name: "dynamodb",
  embedded: true,
  shared: false,
  steadyPerSecond: 0,
  share: 1 / 10,
  entries: [
    { name: "waybill", contestant: "waybill-dynamodb", role: "waybill", measures, slowIn: [], ahead },
    { name: "raw floor", contestant: "dynamodb-floor", role: "floor", measures, slowIn: [], ahead },
  ],
  start: async () => {
    const server = await startDynalite();
    return {
      place: { endpoint: server.endpoint },
      about:
        "dynalite 4.0.0, an emulator: the figures are its own and say nothing about AWS; the queue is in memory",
      meter: async () => ({}),
      calm: async () => undefined,
      settle: null,
      stop: () => server.stop(),
    };
  },
};
