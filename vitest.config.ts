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
    // Forks: native drivers (libsql) and signals want a process of their own. Three for two cores: half of the time the tests wait for servers and for each other.
    pool: "forks",
    maxWorkers: 3,
    // For what hangs, not for what is slow: most tests run on a fake clock in milliseconds, but a database server that is
    // made for a test takes half a minute on a machine with other things to do.
    testTimeout: 120_000,
    hookTimeout: 180_000,
    // The runner's own second is a limit on how slow the machine may be, and no test of ours is about that.
    expect: { poll: { timeout: 20_000 } },
    // A test that passes at the second try has found something.
    retry: 0,
    coverage: {
      provider: "v8",
      // Where it decides something: `scripts/verify.mjs` collects it over the tests that are about the core.
      include: ["src/core/**/*.ts"],
      reporter: ["text-summary", "json-summary"],
      thresholds: {
        // Every decision about a job, both ways; of the rest what was measured. They only rise from here.
        "src/core/decide/**": { branches: 100 },
        "src/core/{*.ts,!(decide)/**}": { branches: 95 },
      },
    },
  },
});
