/**
 * `NTH_FAILURE=full` breaks every call in every way, as `npm run proof` does. Without it, each call (on SQLite each second,
 * on a real server each fifth: there a case takes longer) is broken in one way, by turns, so that all ways come about
 * everywhere in the end.
 */
const FULL = process.env["NTH_FAILURE"] === "full";

/** As `sampleEvery` of `allCuts`. */
export const SAMPLE_EVERY: Readonly<Record<"memory" | "sqlite" | "postgres", number | undefined>> = FULL
  ? { memory: undefined, sqlite: undefined, postgres: undefined }
  : { memory: 1, sqlite: 2, postgres: 5 };
