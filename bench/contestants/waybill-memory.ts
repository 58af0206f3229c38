import { memoryStore } from "../../src/index.js";
import type { Contestant } from "../lib/contestant.js";
import { waybillOn } from "./waybill.js";

export async function open(): Promise<Contestant> {
  const store = memoryStore();
  return waybillOn({
    store,
    prepare: async () => undefined,
    done: async () => null,
    close: async () => undefined,
  });
}
