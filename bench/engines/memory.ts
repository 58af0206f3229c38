import type { Engine } from "../lib/engine.js";

const ahead = { concurrency: 50, ahead: 450, alert: false };

export const memory: Engine = {
  name: "memory",
  embedded: true,
  shared: false,
  steadyPerSecond: 0,
  share: 1,
  entries: [
    {
      name: "waybill",
      contestant: "waybill-memory",
      role: "waybill",
      measures: ["submit", "process", "strict", "open", "alone"],
      slowIn: [],
      ahead,
    },
    {
      name: "raw floor",
      contestant: "memory-floor",
      role: "floor",
      measures: ["submit", "process", "strict", "open", "alone"],
      slowIn: [],
      ahead,
    },
  ],
  start: async () => ({
    place: {},
    about: "in the process",
    meter: async () => ({}),
    calm: async () => undefined,
    settle: null,
    stop: async () => undefined,
  }),
};
