import type { Clock } from "../../../environment/clock.js";

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
}

interface Section {
  readonly members: Set<Ticking>;
  stop: () => void;
}

/** @param phase - moves the ticks of one worker against those of others, 0–1 */
export function createHeartbeatTimer(clock: Clock, now: () => number, phase: number): HeartbeatTimer {
  const sections = new Map<number, Section>();
  const byId = new Map<string, Ticking>();
  const isNews = (id: string, version: number): boolean => {
    const known = byId.get(id)?.version?.();
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
      if (member.id !== undefined) byId.set(member.id, member);
    },
    isNews,
    news(id, version) {
      if (isNews(id, version)) byId.get(id)?.tick();
    },
    leave(everyMs, member) {
      if (member.id !== undefined && byId.get(member.id) === member) byId.delete(member.id);
      const section = sections.get(everyMs);
      if (section === undefined || !section.members.delete(member) || section.members.size > 0) return;
      section.stop();
      sections.delete(everyMs);
    },
  };
}
