/** A message as a queue keeps it. */
export interface StoredMessage {
  readonly id: string;
  readonly body: string;
  readonly groupId: string | null;
  readonly dedupId: string | null;
  readonly sequence: string | null;
  readonly sentAt: number;
  /** Its age for the retention counts from here. */
  enqueuedAt: number;
  visibleAt: number;
  receives: number;
  firstReceivedAt: number | null;
  /** The newest receive of it, whether or not its visibility lasts; `null`: none in this queue. */
  receive: { readonly number: number; readonly at: number } | null;
}

export function isInFlight({ receive, visibleAt }: StoredMessage, now: number): boolean {
  return receive !== null && visibleAt > now;
}

/** Which messages the next receive takes. */
export function visibleOf(
  messages: Iterable<StoredMessage>,
  { now, max, fifo }: { readonly now: number; readonly max: number; readonly fifo: boolean },
): StoredMessage[] {
  const all = [...messages];
  if (!fifo) return all.filter(({ visibleAt }) => visibleAt <= now).slice(0, max);
  const taken: StoredMessage[] = [];
  for (const group of groupsOf(all).values()) {
    // "FIFO delivery logic": while one of a group is in flight, nothing more of it is returned.
    if (group.some((message) => isInFlight(message, now))) continue;
    // "FIFO delivery logic": as many as possible of one group in one receive, up to the ten asked for, and in order: one that
    // is delayed holds up those behind it.
    for (const message of group) {
      if (message.visibleAt > now || taken.length === max) break;
      taken.push(message);
    }
  }
  return taken;
}

/** In the order of the first message of each group. */
function groupsOf(messages: readonly StoredMessage[]): Map<string | null, StoredMessage[]> {
  const groups = new Map<string | null, StoredMessage[]>();
  for (const message of messages) {
    const group = groups.get(message.groupId);
    if (group === undefined) groups.set(message.groupId, [message]);
    else group.push(message);
  }
  return groups;
}
