import type { Fault } from "../fault.js";
import { killedOnceStored } from "./killed-once-stored.js";
import { killedServer } from "./killed-server.js";
import { killedWorker } from "./killed-worker.js";
import { lostAddReply } from "./lost-add-reply.js";
import { lostCompletionReply } from "./lost-completion-reply.js";
import { rolledBack } from "./rolled-back.js";
import { staleFinish } from "./stale-finish.js";
import { unstorable } from "./unstorable.js";

/** In the order of the table. A fault judges what it counted itself. */
export const FAULTS: readonly Fault[] = [
  staleFinish,
  killedWorker,
  killedServer,
  lostCompletionReply,
  lostAddReply,
  unstorable,
  killedOnceStored,
  rolledBack,
] as readonly unknown[] as readonly Fault[];
