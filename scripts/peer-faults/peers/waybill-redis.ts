import { Redis } from "ioredis";
import { redisStore } from "waybill/redis";
import { END_MARK, ignoreErrors, type Peer } from "../peer.js";
import { waybillSide } from "./waybill.js";

export const waybillRedis: Peer = {
  name: "Waybill on Redis",
  engine: "redis",
  package: null,
  settings: ["defaults: leaseMs 30 s, heartbeats, every worker reconciles; the store hands jobs over"],
  keeps: "outcome",
  completion: END_MARK,
  open: async ({ port }) => {
    const client = new Redis({ host: "127.0.0.1", port });
    ignoreErrors(client);
    return waybillSide({
      store: redisStore({ client, prefix: "faults" }),
      prepare: async () => undefined,
      within: null,
      close: async () => {
        client.disconnect();
      },
    });
  },
};
