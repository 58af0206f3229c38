import { describe, expect, it } from "vitest";
import { count, observe, type PortCall, type Telemetry } from "../../src/core/environment/telemetry.js";

const call: PortCall = { port: "store", operation: "read", items: 2 };
const throwing = (): never => {
  throw new Error("hook");
};

describe("telemetry", () => {
  it("stands around a call that succeeds and one that fails", async () => {
    const seen: unknown[] = [];
    const telemetry: Telemetry = {
      start: (given) => {
        seen.push(given);
        return (result) => seen.push(result);
      },
    };
    const error = new Error("down");
    expect(await observe(telemetry, call, async () => 7)).toBe(7);
    await expect(observe(telemetry, call, () => Promise.reject(error))).rejects.toBe(error);
    expect(seen).toEqual([call, {}, call, { error }]);
  });

  it.each<[string, Telemetry]>([
    ["is not there", {}],
    ["throws before a call", { start: throwing, count: throwing }],
    ["throws after it", { start: () => throwing }],
    ["wants to hear nothing after it", { start: () => undefined }],
  ])("changes nothing of the call when the hook %s", async (_, telemetry) => {
    const error = new Error("down");
    expect(await observe(telemetry, call, async () => 7)).toBe(7);
    await expect(observe(telemetry, call, () => Promise.reject(error))).rejects.toBe(error);
    expect(() => {
      count(telemetry, "unserved");
    }).not.toThrow();
  });

  it("counts by one, or by more", () => {
    const seen: [string, number][] = [];
    const telemetry: Telemetry = { count: (counter, by) => seen.push([counter, by]) };
    count(telemetry, "unserved");
    count(telemetry, "lease_lost", 3);
    expect(seen).toEqual([
      ["unserved", 1],
      ["lease_lost", 3],
    ]);
  });
});
