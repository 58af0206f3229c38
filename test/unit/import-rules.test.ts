// Files planted in a copy of the sources, each with one import that it must not have: the rules of the repository refuse it.
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { cruise, type ICruiseResult, type IConfiguration } from "dependency-cruiser";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const RULES = createRequire(import.meta.url)("../../.dependency-cruiser.cjs") as IConfiguration;

/** By the rule that refuses it: where a file is planted, and what it says. */
const PLANTED: readonly (readonly [rule: string, path: string, source: string])[] = [
  [
    "adapters-and-transports-know-the-ports-only",
    "src/adapters/redis/planted-engine.ts",
    `export { createGateway } from "../../core/engine/store/gateway.js";`,
  ],
  [
    "adapters-and-transports-know-the-ports-only",
    "src/transports/webhook/planted-decision.ts",
    `export type { Decision } from "../../core/decide/change/change.js";`,
  ],
  [
    "adapters-and-transports-know-nothing-of-each-other",
    "src/adapters/sqs/planted-neighbour.ts",
    `export { memoryStore } from "../memory/store.js";`,
  ],
  [
    "core-stands-alone",
    "src/core/engine/run/planted-adapter.ts",
    `export { memoryStore } from "../../../adapters/memory/store.js";`,
  ],
  [
    "decisions-are-pure",
    "src/core/decide/planted-clock.ts",
    `export { systemClock } from "../environment/clock.js";`,
  ],
  [
    "decisions-name-core-types-only",
    "src/core/decide/planted-engine.ts",
    `export type { Core } from "../engine/context.js";`,
  ],
  [
    "the-gateway-stands-on-observe",
    "src/transports/websocket/planted-engine.ts",
    `export { createGateway } from "../../core/engine/store/gateway.js";`,
  ],
  [
    "http-and-lambda-know-the-public-side",
    "src/http/planted-engine.ts",
    `export { createGateway } from "../core/engine/store/gateway.js";`,
  ],
  [
    "http-and-lambda-know-the-public-side",
    "src/lambda/planted-adapter.ts",
    `export { sqsQueue } from "../adapters/sqs/queue.js";`,
  ],
  [
    "client-runs-anywhere",
    "src/client/planted-errors.ts",
    `export { isWaybillError } from "../core/errors/errors.js";`,
  ],
  [
    "react-knows-the-client-by-its-types",
    "src/react/planted-client.ts",
    `export { createClient } from "../client/create-client.js";`,
  ],
  [
    "testing-knows-core-and-memory",
    "src/testing/planted-store.ts",
    `export { redisStore } from "../adapters/redis/store.js";`,
  ],
  ["no-driver", "src/adapters/postgres/planted-driver.ts", `export { default } from "pg";`],
  ["runs-in-a-browser", "src/core/planted-node.ts", `export { readFileSync } from "node:fs";`],
];

describe("a planted import is refused", () => {
  let folder = "";
  let violations: readonly (readonly [rule: string, from: string])[] = [];

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "waybill-import-rules-"));
    cpSync("src", join(folder, "src"), { recursive: true });
    cpSync("tsconfig.json", join(folder, "tsconfig.json"));
    for (const [, path, source] of PLANTED) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), source);
    }
    const planted = PLANTED.map(([, path]) => path);
    const { output } = await cruise(
      planted,
      { ...RULES.options, baseDir: folder, ruleSet: RULES, validate: true, maxDepth: 1 },
      { ...RULES.options?.enhancedResolveOptions },
    );
    const { summary } = output as ICruiseResult;
    violations = summary.violations.map(({ rule, from }) => [rule.name, from]);
  });

  afterAll(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  it.each(PLANTED)("%s: %s", (rule, path) => {
    expect(violations).toContainEqual([rule, path]);
  });

  it("and nothing else is", () => {
    expect(violations.length).toBe(PLANTED.length);
  });
});
