import type { Clock } from "../../clock.js";

/** Ticks for the jobs of one worker: those of one period hear each tick together, so that their beats share a call. */
export interface Metronome {
  /** Calls `beat` at every tick of this period. Returns how to leave. */
  join(everyMs: number, beat: () => void): () => void;
}

interface Section {
  readonly members: Set<() => void>;
  stop: () => void;
}

/** @param phase - moves the ticks of one worker against those of others, 0–1 */
export function createMetronome(clock: Clock, now: () => number, phase: number): Metronome {
  const sections = new Map<number, Section>();

  const arm = (everyMs: number, section: Section): void => {
    const untilNext = everyMs - ((now() + phase * everyMs) % everyMs);
    section.stop = clock.timer(untilNext, () => {
      arm(everyMs, section);
      for (const beat of [...section.members]) beat();
    });
  };

  return {
    join(everyMs, beat) {
      let section = sections.get(everyMs);
      if (section === undefined) {
        section = { members: new Set(), stop: () => undefined };
        sections.set(everyMs, section);
        arm(everyMs, section);
      }
      const joined = section;
      joined.members.add(beat);
      return () => {
        joined.members.delete(beat);
        if (joined.members.size > 0 || sections.get(everyMs) !== joined) return;
        joined.stop();
        sections.delete(everyMs);
      };
    },
  };
}
