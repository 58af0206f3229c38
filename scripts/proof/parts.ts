import type { Inputs } from "./inputs.js";

/** One proof, which can be run alone. */
export interface Part {
  readonly name: string;
  /** A script and its arguments; `--out` and `--inputs` come behind. */
  readonly args: readonly string[];
  readonly inputs: Inputs;
  /** It waits more than it works, so it runs beside the others. */
  readonly waits?: true;
}

const CORE = ["src/core"];
/** What `waybill` is, and what its tests are made of. */
const KIT = ["src/index.ts", "src/store-kit.ts", "src/testing", "src/testing.ts", "test/support"];
/** The conformance suites: a torture is judged from histories, and runs none of them. */
const SUITES = ["store", "queue", "notifier", "feed"].map((port) => `:(exclude)src/testing/${port}-suite`);
const MEMORY = ["src/adapters/memory"];
const SQLITE = ["src/adapters/sqlite", "src/sqlite.ts", "test/integration/sqlite-driver.ts"];
const REDIS = ["src/adapters/redis", "src/redis.ts", "test/integration/redis-server.ts", "test/integration/redis-process.ts"];
const POSTGRES = ["src/adapters/postgres", "src/postgres.ts"];
const DYNAMODB = ["src/adapters/dynamodb", "src/dynamodb.ts"];

const SQS = ["src/adapters/sqs", "src/sqs.ts", "test/doubles/sqs"];
const RABBITMQ = ["src/adapters/rabbitmq", "src/rabbitmq.ts"];

/** Tests that a part does not run. */
const OTHER_TESTS = [
  ":(exclude,glob)test/**/redis*.test.ts",
  ":(exclude,glob)test/**/dynamo*.test.ts",
  // Of the inputs of the parts, and of nothing in the library.
  ":(exclude,glob)test/unit/proof-*.test.ts",
];

const REPORT = "scripts/proof/torture-report.ts";

const TORTURE = ["--jobs", "5000", "--kills", "50", "--stops", "10", "--seed", "1"];

const PAIR = ["--jobs", "2000", "--kills", "21", "--stops", "4", "--seed", "1"];

function torture(store: string, files: readonly string[], more: readonly string[] = []): Part {
  return {
    name: `torture-${store}`,
    waits: true,
    args: ["scripts/proof-torture.ts", "--store", store, ...TORTURE, ...more],
    inputs: { paths: [...CORE, ...MEMORY, ...files, ...KIT, ...SUITES, "test/torture", "scripts/proof-torture.ts", REPORT] },
  };
}

/** A store and a queue together: 2,000 jobs, 21 kills of those who work, submit and reconcile. */
function pair(store: string, files: readonly string[], queue: string, more: readonly string[] = []): Part {
  return {
    name: `torture-${store}-${queue}`,
    waits: true,
    args: ["scripts/proof-torture.ts", "--store", store, "--queue", queue, ...PAIR, ...more],
    inputs: {
      paths: [
        ...CORE,
        ...MEMORY,
        ...files,
        ...(queue === "sqs" ? SQS : RABBITMQ),
        ...KIT,
        ...SUITES,
        "test/torture",
        "scripts/proof-torture.ts",
        REPORT,
      ],
    },
  };
}

/** 100,000 jobs and 1,000 kills, half of the jobs through SQS: 20 rounds, and it goes on with the round in which it was ended. */
function closing(store: string, files: readonly string[]): Part {
  return {
    name: `closing-${store}`,
    waits: true,
    args: ["scripts/proof-closing.ts", "--store", store, "--rounds", "20", "--jobs", "5000", "--kills", "50"],
    inputs: {
      paths: [...CORE, ...MEMORY, ...files, ...SQS, ...KIT, ...SUITES, "test/torture", "scripts/proof-closing.ts", REPORT],
    },
  };
}

/** @param texts - sources that are searched for guards: a guard's name is the text of it */
function guardDeletion(store: string, files: readonly string[], texts: readonly string[] = []): Part {
  return {
    name: `guard-deletion-${store}`,
    args: ["scripts/proof-guard-deletion.ts", "--store", store],
    inputs: {
      paths: [
        ...CORE,
        // The model that the suites compare with.
        ...MEMORY,
        ...files,
        ...KIT,
        "test/guard-deletion",
        "test/conformance",
        "test/nth-failure/campaign/bundle.ts",
        "scripts/proof-guard-deletion.ts",
      ],
      texts,
    },
  };
}

export const PARTS: readonly Part[] = [
  {
    name: "explore",
    args: ["scripts/proof-explore.ts"],
    inputs: { imports: "scripts/proof-explore.ts" },
  },
  {
    name: "simulate",
    args: ["scripts/proof-simulate.ts", "--seeds", "10000", "--steps", "5000"],
    inputs: { imports: "scripts/proof-simulate.ts" },
  },
  {
    name: "nth-failure",
    args: ["scripts/proof-nth-failure.ts"],
    inputs: {
      paths: [
        // The tests count too: they visit the catch branches that no failing call leads to, and load every entry.
        "src",
        "test/support",
        ...["unit", "property", "conformance", "integration", "simulate", "nth-failure"].map(
          (folder) => `test/${folder}`,
        ),
        // What those load.
        ...["doubles", "relay", "seeded-bugs", "torture"].map((folder) => `test/${folder}`),
        "examples",
        "scripts/proof-nth-failure.ts",
        ...OTHER_TESTS,
      ],
    },
  },
  torture("sqlite", SQLITE),
  torture("postgres", POSTGRES, ["--server-kills", "5"]),
  torture("redis", REDIS, ["--server-kills", "5"]),
  ...(["sqs", "rabbitmq"] as const).flatMap((queue) => {
    const more = queue === "rabbitmq" ? ["--server-kills", "3"] : [];
    return [
      pair("postgres", POSTGRES, queue, more),
      pair("redis", REDIS, queue, more),
      pair("dynamodb", DYNAMODB, queue, more),
    ];
  }),
  closing("postgres", POSTGRES),
  closing("redis", REDIS),
  guardDeletion("memory", [], MEMORY),
  guardDeletion("sqlite", SQLITE),
  guardDeletion("postgres", POSTGRES),
  guardDeletion("redis", REDIS),
  guardDeletion("dynamodb", DYNAMODB, DYNAMODB),
  {
    name: "seeded-bugs",
    args: ["scripts/proof-seeded-bugs.ts"],
    inputs: { paths: [...CORE, ...MEMORY, ...KIT, "test/seeded-bugs", "scripts/proof-seeded-bugs.ts"] },
  },
  {
    name: "peers",
    waits: true,
    args: ["scripts/proof-peers.ts"],
    inputs: {
      paths: [
        ...CORE,
        "src/index.ts",
        ...MEMORY,
        ...REDIS,
        ...POSTGRES,
        "test/support/postgres-process.ts",
        "scripts/peer-faults",
        "scripts/proof-peers.ts",
        "bench/install-peers.mjs",
        "bench/peers/package-lock.json",
      ],
    },
  },
];
