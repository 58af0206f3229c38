import type { SuiteSkip } from "../../src/testing/suite-runner.js";

/** A scope is unique where its job is: over shards it must lead to the shard of the id, as the core makes ids. */
const REASON = "the ids of the suite do not end with the beginning of their scope, and are refused on shards";

const TESTS = [
  "create > stores the whole record, without cursors",
  "create > answers a second create under a scope with the job that has it",
  "create > answers with the job of the id where another has the scope",
  "create > finds a job by its scope whatever its status",
  "create > gives one scope to one job when both come in one call",
  "contention > gives a scope to one of the racers that create under it",
  "purge > frees the scope",
  "lifetime > keeps everything over a restart",
  "hostile text > keeps names as they are, and finds jobs by them",
];

/** For a store of several shards. */
export const SCOPES_OVER_SHARDS: readonly SuiteSkip[] = TESTS.map((test) => ({ test, reason: REASON }));
