import { afterEach, describe, expect, it, vi } from "vitest";
import { consoleLogger } from "../../src/core/environment/logger.js";

afterEach(() => {
  vi.restoreAllMocks();
});

describe("the logger of an application that gives none", () => {
  it("says warnings and errors on the console, under its name, with fields only where there are some", () => {
    const warn = vi.spyOn(console, "warn").mockReturnValue();
    const error = vi.spyOn(console, "error").mockReturnValue();
    consoleLogger.warn("a queue is slow", { queue: "jobs" });
    consoleLogger.warn("it is late");
    consoleLogger.error("a job was lost", { jobId: "j1" });
    consoleLogger.error("all is lost");
    expect(warn.mock.calls).toEqual([
      ["waybill: a queue is slow", { queue: "jobs" }],
      ["waybill: it is late"],
    ]);
    expect(error.mock.calls).toEqual([
      ["waybill: a job was lost", { jobId: "j1" }],
      ["waybill: all is lost"],
    ]);
  });

  it("keeps everything else to itself", () => {
    const spies = (["debug", "info", "log", "warn", "error"] as const).map((method) =>
      vi.spyOn(console, method).mockReturnValue(),
    );
    consoleLogger.debug("a detail", { more: 1 });
    consoleLogger.info("some news");
    for (const spy of spies) expect(spy).not.toHaveBeenCalled();
  });
});
