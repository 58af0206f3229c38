/** Of each connection, the end of the statement that was asked for last. */
const last = new WeakMap<object, Promise<unknown>>();

/** `Client` and `PoolClient` of `pg`: one connection, known by what it quotes with, which a pool does not have. */
function isConnection(client: object): boolean {
  return typeof (client as { readonly escapeIdentifier?: unknown }).escapeIdentifier === "function";
}

/**
 * Runs a statement when those before it on the same connection have ended. `pg` keeps such a queue itself, warns of it, and
 * gives it up with its version 9.
 */
export function inTurn<T>(client: object, run: () => Promise<T>): Promise<T> {
  if (!isConnection(client)) return run();
  const before = last.get(client);
  const turn = before === undefined ? run() : before.then(run);
  const ended = turn.then(
    () => undefined,
    () => undefined,
  );
  last.set(client, ended);
  return turn;
}
