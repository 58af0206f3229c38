/** One proof, which can be run alone. */
export interface Part {
  readonly name: string;
  /** A script and its arguments; `--out` and `--inputs` come behind. */
  readonly args: readonly string[];
  /** The paths that the result depends on. */
  readonly inputs: readonly string[];
}

const CORE = ["src/core"];
const KIT = ["src/testing", "src/testing.ts", "test/support"];
const MEMORY = ["src/adapters/memory"];
const SQLITE = ["src/adapters/sqlite", "src/sqlite.ts"];
const POSTGRES = ["src/adapters/postgres", "src/postgres.ts"];

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
      "test/nth-failure",
      "scripts/proof-nth-failure.ts",
    ],
  },
  {
    name: "torture-sqlite",
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
    args: ["scripts/proof-torture.ts", "--store", "postgres", ...TORTURE, "--server-kills", "5"],
    inputs: [...CORE, ...POSTGRES, ...KIT, "test/torture", "scripts/proof-torture.ts"],
  },
  ...(
    [
      ["memory", MEMORY],
      ["sqlite", SQLITE],
      ["postgres", POSTGRES],
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
      "scripts/proof-guard-deletion.ts",
    ],
  })),
];
