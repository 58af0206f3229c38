import { defineConfig } from "vitest/config";

// What npm would publish, packed and installed as a user does. No alias here: "waybill" is the tarball's.
export default defineConfig({
  test: {
    include: ["test/package/**/*.test.ts"],
    globalSetup: ["test/package/support/install.ts"],
    pool: "forks",
    maxWorkers: 2,
    // Each test starts compilers and fresh Node processes.
    testTimeout: 120_000,
    hookTimeout: 180_000,
    retry: 0,
  },
});
