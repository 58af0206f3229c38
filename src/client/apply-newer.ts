/** What orders two views: of one job its version, of two jobs which was created later. Instants are `Date` or ISO text. */
export interface Versioned {
  readonly id: string;
  readonly version: number;
  readonly createdAt: Date | string;
}

/**
 * The newer of what is known and what just arrived: the one rule that every cache of jobs needs. A message that is late,
 * doubled or out of order changes nothing.
 *
 * Of one job the higher version is newer. Of two jobs (the latest about a subject: a job that was run again is a new job,
 * at version 1) the one that was created later is, whatever their versions.
 *
 * @param old - what is known; `null` or `undefined`: nothing yet
 * @param reset - as `JobChanges` says it: the store lost writes, so `next` holds although its version may be lower
 * @returns `old` itself if nothing changes, so that comparing identities is enough
 */
export function applyNewer<V extends Versioned>(old: V | null | undefined, next: V, reset = false): V {
  if (old === null || old === undefined) return next;
  if (old.id === next.id) return reset || next.version > old.version ? next : old;
  return compareAge(next, old) > 0 ? next : old;
}

/** Above 0: `a` was created later. Equal instants are decided by the id, as the server's lists are. */
export function compareAge(a: Versioned, b: Versioned): number {
  const apart = new Date(a.createdAt).getTime() - new Date(b.createdAt).getTime();
  return apart || (a.id < b.id ? -1 : 1);
}
