import { Redis } from "ioredis";
import { redisStore } from "../../src/redis.js";
import type { Contestant, Place } from "../lib/contestant.js";
import { emptied, redisPlace } from "../lib/redis-place.js";
import { waybillOn } from "./waybill.js";

export async function open(place: Place): Promise<Contestant> {
  const at = redisPlace(place);
  const client = new Redis(at);
  const prefix = place["schema"] ?? "waybill";
  return waybillOn({
    store: redisStore({ client, prefix }),
    prepare: () => emptied(at),
    done: async () => {
      const ids = await client.zrange(`{${prefix}:0}:p`, "0", "-1");
      let done = 0;
      for (let from = 0; from < ids.length; from += 1_000) {
        const documents = await client.mget(
          ids.slice(from, from + 1_000).map((id) => `{${prefix}:0}:j:${id}`),
        );
        done += documents.filter((document) => document?.charAt(1) === "C").length;
      }
      return done;
    },
    close: async () => {
      client.disconnect();
    },
  });
}
