import type { RedisCommands } from "./client.js";

/** Who has a connection of its own beside the caller's looks this often whether that one is over. */
const LOOK_EVERY_MS = 100;

interface ClientListener {
  /** The caller has closed it: what was duplicated from it would keep the process. */
  ended(): void;
  /** The caller has connected it again. */
  back(): void;
}

/**
 * Looks whether the caller has ended a client. Looked at, not listened to: clients warn of many listeners, and one client may
 * serve many stores. Keeps no process alive.
 *
 * @returns how to stop looking
 */
export function watchClient(client: Pick<RedisCommands, "status">, listener: ClientListener): () => void {
  let isOver = false;
  const look = setInterval(() => {
    if ((client.status === "end") === isOver) return;
    isOver = !isOver;
    if (isOver) listener.ended();
    else listener.back();
  }, LOOK_EVERY_MS);
  look.unref();
  return () => {
    clearInterval(look);
  };
}
