import { defineConfig } from "vitest/config";

// test/types needs no run: `npm run typecheck` is its test. test/package needs a build: vitest.package.config.ts.
export default defineConfig({
  // "waybill" and its parts are read from src, by the paths of tsconfig.json.
  resolve: { tsconfigPaths: true },
  test: {
    include: [
      "test/{unit,property,conformance,integration,docs,examples}/**/*.test.ts",
      "test/{explore,simulate,nth-failure,torture,regressions,guard-deletion}/**/*.test.ts",
    ],
    // Forks: native drivers (libsql) and signals want a process of their own. Two: the smallest machine that CI offers.
    pool: "forks",
    maxWorkers: 2,
    // Most tests run on a fake clock in milliseconds; explorations and real drivers on a loaded machine need the rest.
    testTimeout: 20_000,
    // A test that passes at the second try has found something.
    retry: 0,
    coverage: {
      provider: "v8",
      include: ["src/**/*.ts"],
      reporter: ["text-summary", "json-summary"],
      thresholds: {
        // Every decision about a job, both ways.
        "src/core/decide/**": { branches: 100 },
        "src/core/{*.ts,!(decide)/**}": { branches: 97 },
      },
    },
  },
});
