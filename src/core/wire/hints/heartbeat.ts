import type { Clock } from "../../environment/clock.js";

/** A link that carries hints, as one who listens to it sees it. */
interface ListeningLink {
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** Sends a heartbeat through the feed, so that it comes back over the link. What it throws tells nothing of the link. */
  readonly beat: () => Promise<unknown>;
  /** Nothing came through for too long: the link is taken for dead. */
  readonly broken: () => void;
}

/** Stops watching the link. */
export interface Heartbeat {
  /** Something came through, whatever it was. */
  heard(): void;
  stop(): void;
}

const BEAT_EVERY_MS = 15_000;
/** Chance takes up to a fifth of it: the first heartbeat of a fleet spares the others theirs. */
const SOONEST = 0.8;
/** Two heartbeats were sent in that time, and neither came back. */
const SILENCE_MS = 40_000;

/**
 * Finds a link that is half open: it looks well, and carries nothing. Whoever has heard nothing for 15 s sends a heartbeat,
 * which all who listen hear, so that a fleet sends about one in that time and not one each; who hears nothing for 40 s has
 * lost its link.
 */
export function watchLink({ clock, random, beat, broken }: ListeningLink): Heartbeat {
  let heardAt = clock.now();
  let beatenAt = heardAt;
  let cancel: () => void = () => undefined;

  const look = (): void => {
    const now = clock.now();
    // The clock may have been set back.
    heardAt = Math.min(heardAt, now);
    beatenAt = Math.min(beatenAt, now);
    if (now - heardAt >= SILENCE_MS) {
      heardAt = beatenAt = now;
      broken();
    } else if (now - Math.max(heardAt, beatenAt) >= BEAT_EVERY_MS * SOONEST) {
      beatenAt = now;
      beat().catch(() => undefined);
    }
    later();
  };
  const later = (): void => {
    const beatAt = Math.max(heardAt, beatenAt) + BEAT_EVERY_MS * (SOONEST + random() * (1 - SOONEST));
    cancel = clock.timer(Math.max(1, Math.min(beatAt, heardAt + SILENCE_MS) - clock.now()), look);
  };
  later();

  return {
    heard() {
      heardAt = clock.now();
    },
    stop() {
      cancel();
    },
  };
}
