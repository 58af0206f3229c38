import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { relative } from "node:path";
import { defineConfig } from "vitest/config";
import { CATCH_FOLDERS, markCatches } from "./find-catches.js";

const root = fileURLToPath(new URL("../../..", import.meta.url));

/** The tests of every part, on a library whose catch branches tell when they are visited. */
export default defineConfig({
  root,
  resolve: { tsconfigPaths: true },
  plugins: [
    {
      name: "mark-catches",
      enforce: "pre",
      load(id) {
        const file = relative(root, id);
        if (!CATCH_FOLDERS.some((folder) => file.startsWith(`${folder}/`))) return null;
        return markCatches(file, readFileSync(id, "utf8"));
      },
    },
  ],
  test: {
    include: [
      "test/{unit,property,conformance,integration}/**/*.test.ts",
      "test/{simulate/found,nth-failure/catches}/**/*.test.ts",
    ],
    // What says nothing of the core or of these stores, or says it again on another driver.
    exclude: [
      "test/conformance/guard-deletion.test.ts",
      "test/**/{redis,dynamo,rabbitmq,sqs,small-queue,small-notifier}*.test.ts",
      "test/**/{appsync,webhook,wire,http,lambda,websocket,live,client,react,import-rules}*.test.ts",
      "test/integration/postgres-{pglite,pooler,plan}.test.ts",
      "test/unit/proof-*.test.ts",
    ],
    setupFiles: ["test/nth-failure/catches/setup.ts"],
    pool: "forks",
    maxWorkers: 2,
    testTimeout: 60_000,
    reporters: ["default"],
    silent: true,
  },
});
