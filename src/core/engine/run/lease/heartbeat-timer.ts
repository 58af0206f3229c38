import { type Clock, monotonicNow } from "../../../environment/clock.js";

/** Who hears the ticks. */
export interface Ticking {
  tick(): void;
  /** The job, where it can change under whoever ticks. */
  readonly id?: string;
  /** The version that is known here. */
  version?(): number;
}

/** Ticks for the jobs of one worker: those of one period hear each tick together, so that their beats share a call. */
export interface HeartbeatTimer {
  /** Calls `tick` at every tick of this period. */
  join(everyMs: number, member: Ticking): void;
  leave(everyMs: number, member: Ticking): void;
  /** Whether this version of a job that ticks here is not known here yet. */
  isNews(id: string, version: number): boolean;
  /** Ticks at once for that job, if the version is still not known here. */
  news(id: string, version: number): void;
  /** Ticks at once for the jobs that have ticked for so long. */
  olderThan(ms: number): void;
  /** How long the job has ticked that has ticked longest; 0: none does. */
  longestMs(): number;
}

interface Section {
  readonly members: Set<Ticking>;
  stop: () => void;
}

/** @param phase - moves the ticks of one worker against those of others, 0–1 */
export function createHeartbeatTimer(clock: Clock, now: () => number, phase: number): HeartbeatTimer {
  const sections = new Map<number, Section>();
  // In the order in which they joined.
  const byId = new Map<string, { readonly member: Ticking; readonly since: number }>();
  const isNews = (id: string, version: number): boolean => {
    const known = byId.get(id)?.member.version?.();
    return known !== undefined && known < version;
  };

  const arm = (everyMs: number, section: Section): void => {
    const untilNext = everyMs - ((now() + phase * everyMs) % everyMs);
    // Rounding can leave a tick that has just been; a wait that moves no clock would never end.
    section.stop = clock.timer(untilNext < 1 ? untilNext + everyMs : untilNext, () => {
      arm(everyMs, section);
      for (const member of [...section.members]) member.tick();
    });
  };

  return {
    join(everyMs, member) {
      let section = sections.get(everyMs);
      if (section === undefined) {
        section = { members: new Set(), stop: () => undefined };
        sections.set(everyMs, section);
        arm(everyMs, section);
      }
      section.members.add(member);
      if (member.id !== undefined) byId.set(member.id, { member, since: monotonicNow(clock) });
    },
    isNews,
    news(id, version) {
      if (isNews(id, version)) byId.get(id)?.member.tick();
    },
    olderThan(ms) {
      const bound = monotonicNow(clock) - ms;
      for (const { member, since } of [...byId.values()]) if (since <= bound) member.tick();
    },
    longestMs() {
      for (const { since } of byId.values()) return monotonicNow(clock) - since;
      return 0;
    },
    leave(everyMs, member) {
      if (member.id !== undefined && byId.get(member.id)?.member === member) byId.delete(member.id);
      const section = sections.get(everyMs);
      if (section === undefined || !section.members.delete(member) || section.members.size > 0) return;
      section.stop();
      sections.delete(everyMs);
    },
  };
}
