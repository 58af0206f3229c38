import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["*.spec.mjs"],
    setupFiles: ["setup.mjs"],
    fakeTimers: { shouldClearNativeTimers: true },
  },
});
