import type { StoreCapabilities } from "../../core/ports/store.js";
import type { StoreProbe } from "./store-probe.js";

/** One behaviour of a store: its tests by title, a sentence each. */
export interface StoreBehaviour {
  readonly group: string;
  /** The capability without which the tests say nothing. */
  readonly applies?: keyof StoreCapabilities;
  readonly tests: Readonly<Record<string, (probe: StoreProbe) => Promise<void>>>;
}
