/** The pace of a system, the same for every build. */
export interface Means {
  readonly leaseMs: number;
  readonly pollMs: number;
  readonly retainMs: number;
  readonly shutdownMs: number;
}

/** As in production where time is fake; as short as a loaded machine bears where it is real. */
export const MEANS: Readonly<Record<"fake" | "real", Means>> = {
  fake: { leaseMs: 30_000, pollMs: 1_000, retainMs: 300_000, shutdownMs: 30_000 },
  real: { leaseMs: 1_500, pollMs: 50, retainMs: 1_000, shutdownMs: 500 },
};
