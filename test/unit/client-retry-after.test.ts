import { expect, it } from "vitest";
import { retryAfterMs } from "../../src/client/http.js";

const asking = (value?: string): Response =>
  new Response(null, value === undefined ? {} : { headers: { "retry-after": value } });

it.each([
  ["7", 7_000],
  ["0.5", 500],
  ["99999", 30_000],
])("waits as long as an answer asks for, up to half a minute: %s", (value, ms) => {
  expect(retryAfterMs(asking(value), 375)).toBe(ms);
});

// A link that waits for less than nothing would ask without a pause.
it.each([undefined, "", "0", "-5", "soon", "Fri, 02 Jan 2026 03:04:35 GMT"])(
  "keeps its own pause: %s",
  (value) => {
    expect(retryAfterMs(asking(value), 375)).toBe(375);
  },
);
