/** Clients that run each statement on whatever connection is free: none of them is a transaction. */
const made = new WeakSet();

export function madeOfPool<C extends object>(client: C): C {
  made.add(client);
  return client;
}

export function isMadeOfPool(client: object): boolean {
  return made.has(client);
}
