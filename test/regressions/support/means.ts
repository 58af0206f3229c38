/** The pace of a system, the same for every build. */
export interface Means {
  readonly leaseMs: number;
  readonly pollMs: number;
  readonly retainMs: number;
  readonly shutdownMs: number;
}

/**
 * As in production where time is fake, with fewer polls where a real server answers each; as short as a loaded machine
 * bears where it is real.
 */
export const MEANS: Readonly<Record<"fake" | "told" | "real", Means>> = {
  fake: { leaseMs: 30_000, pollMs: 1_000, retainMs: 300_000, shutdownMs: 30_000 },
  told: { leaseMs: 30_000, pollMs: 2_000, retainMs: 300_000, shutdownMs: 30_000 },
  real: { leaseMs: 1_500, pollMs: 50, retainMs: 300_000, shutdownMs: 500 },
};
