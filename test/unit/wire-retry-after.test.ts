import { describe, expect, it } from "vitest";
import { retryAfterMs } from "../../src/core/wire/retry-after.js";

const NOW = Date.UTC(2026, 0, 2, 3, 4, 5);

describe("Retry-After", () => {
  it.each([
    ["0", 1_000],
    ["1", 1_000],
    ["7", 7_000],
    [" 7 ", 7_000],
    ["86400", 86_400_000],
    ["86401", 86_400_000],
    ["9999999999", 86_400_000],
    ["Fri, 02 Jan 2026 03:04:35 GMT", 30_000],
    ["Fri, 02 Jan 2026 03:04:05 GMT", 1_000],
    ["Wed, 21 Oct 2015 07:28:00 GMT", 1_000],
    ["Wed, 21 Oct 2099 07:28:00 GMT", 86_400_000],
  ])("%j is %j ms", (value, ms) => {
    expect(retryAfterMs(value, NOW)).toBe(ms);
  });

  // `Date.parse` makes an instant of nearly all of these.
  it.each([
    ...[null, "", "soon", "soon 7", "-1", "-5", "1.5", "1e3", "5, 5", "99999999999"],
    ...["2026-01-02T03:05:05Z", "Fri, 99 Foo 2026 03:05:05 GMT"],
  ])("asks for nothing that can be read: %j", (value) => {
    expect(retryAfterMs(value, NOW)).toBeNull();
  });
});
