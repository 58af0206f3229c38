/** One proof, which can be run alone. */
export interface Part {
  readonly name: string;
  /** A script and its arguments; `--out` and `--inputs` come behind. */
  readonly args: readonly string[];
  /** What the result depends on, as paths of git (`:(exclude)…` leaves some out again). */
  readonly inputs: readonly string[];
  /** It waits more than it works, so it runs beside the others. */
  readonly waits?: true;
}

const CORE = ["src/core"];
const KIT = ["src/testing", "src/testing.ts", "test/support"];
const MEMORY = ["src/adapters/memory"];
const SQLITE = ["src/adapters/sqlite", "src/sqlite.ts"];
const REDIS = ["src/adapters/redis", "src/redis.ts"];
const POSTGRES = ["src/adapters/postgres", "src/postgres.ts"];
const DYNAMODB = ["src/adapters/dynamodb", "src/dynamodb.ts"];

/** Tests of stores that a part says nothing of. */
const OTHER_STORES = [":(exclude,glob)test/**/redis*", ":(exclude,glob)test/**/dynamo*"];

const TORTURE = ["--jobs", "5000", "--kills", "50", "--stops", "10", "--seed", "1"];

export const PARTS: readonly Part[] = [
  {
    name: "explore",
    args: ["scripts/proof-explore.ts"],
    inputs: [...CORE, ...MEMORY, "test/explore", "scripts/proof-explore.ts"],
  },
  {
    name: "simulate",
    args: ["scripts/proof-simulate.ts", "--seeds", "10000", "--steps", "5000"],
    inputs: [...CORE, ...MEMORY, ...KIT, "test/simulate", "scripts/proof-simulate.ts"],
  },
  {
    name: "nth-failure",
    args: ["scripts/proof-nth-failure.ts"],
    inputs: [
      ...CORE,
      ...MEMORY,
      ...SQLITE,
      ...POSTGRES,
      ...KIT,
      // The tests count too: they visit the catch branches that no failing call leads to.
      ...["unit", "property", "conformance", "integration", "simulate", "nth-failure"].map(
        (folder) => `test/${folder}`,
      ),
      "examples/task-api",
      "scripts/proof-nth-failure.ts",
      ...OTHER_STORES,
    ],
  },
  {
    name: "torture-sqlite",
    waits: true,
    args: ["scripts/proof-torture.ts", "--store", "sqlite", ...TORTURE],
    inputs: [
      ...CORE,
      ...SQLITE,
      ...KIT,
      "test/integration/sqlite-driver.ts",
      "test/torture",
      "scripts/proof-torture.ts",
    ],
  },
  {
    name: "torture-postgres",
    waits: true,
    args: ["scripts/proof-torture.ts", "--store", "postgres", ...TORTURE, "--server-kills", "5"],
    inputs: [...CORE, ...POSTGRES, ...KIT, "test/torture", "scripts/proof-torture.ts"],
  },
  {
    name: "torture-redis",
    waits: true,
    args: ["scripts/proof-torture.ts", "--store", "redis", ...TORTURE, "--server-kills", "5"],
    inputs: [
      ...CORE,
      ...REDIS,
      ...KIT,
      "test/integration/redis-process.ts",
      "test/torture",
      "scripts/proof-torture.ts",
    ],
  },
  ...(
    [
      ["memory", MEMORY],
      ["sqlite", [...SQLITE, "test/integration/sqlite-driver.ts"]],
      ["postgres", POSTGRES],
      ["redis", [...REDIS, "test/integration/redis-server.ts"]],
      ["dynamodb", DYNAMODB],
    ] as const
  ).map(([store, files]) => ({
    name: `guard-deletion-${store}`,
    args: ["scripts/proof-guard-deletion.ts", "--store", store],
    inputs: [
      ...CORE,
      ...files,
      ...KIT,
      "test/guard-deletion",
      "test/conformance",
      "test/nth-failure/campaign/bundle.ts",
      "scripts/proof-guard-deletion.ts",
    ],
  })),
];
