import type { Store } from "waybill";
import type { Pace } from "./pace.js";

/** A store as one process holds it. */
export interface OpenStore {
  readonly store: Store;
  readonly close: () => Promise<void>;
  /** Takes all its connections for something else, for so long. Left out where it has none. */
  readonly occupy?: (ms: number) => Promise<void>;
  /** Runs a statement beside the store, for those who are to be caught at it. */
  readonly statement?: (text: string) => void;
}

/** What stands behind a store during a run. */
export interface StoreServer {
  /** All that a process needs to open the store. */
  readonly address: string;
  /** Ends the server as a power cut would, and starts it again on what it left; `null`: no server stands behind it. */
  readonly crash: (() => Promise<void>) | null;
  readonly stop: () => Promise<void>;
}

/** A store that can be put to torture. Another engine is one more of these, and a line in `stores.ts`. */
export interface TortureStore {
  readonly name: string;
  /** A server stands behind it that can be killed. */
  readonly hasServer: boolean;
  readonly pace: Pace;
  /** Starts what the store needs, and makes its tables. */
  readonly start: (folder: string) => Promise<StoreServer>;
  /** Opens it in this process: the parent's and every worker's alike. Asks no server whether it is there. */
  readonly open: (address: string) => Promise<OpenStore>;
}
