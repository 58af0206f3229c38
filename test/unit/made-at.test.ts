import { expect, it, onTestFinished } from "vitest";
import { z } from "zod";
import type { Definition } from "../../src/core/definition.js";
import { placesOf } from "../../src/core/engine/compose/made-at.js";
import { defineJob } from "../../src/index.js";

const make = (): Definition => defineJob({ kind: "mail", input: z.object({}) })["~definition"];
const withStack = (madeAt: () => unknown): Definition => ({ ...make(), madeAt });
const stack = (...lines: string[]): Definition => withStack(() => lines.join("\n"));

it("says where each was made, with the callers that tell them apart", () => {
  const [first, second] = [make(), make()];
  const { madeAt, againAt } = placesOf(first, second);
  // Both in `make`, which two places on one line called.
  const places = /^\S+made-at\.test\.ts:\d+:\d+ < \S+made-at\.test\.ts:\d+:\d+$/;
  expect([madeAt, againAt]).toEqual([expect.stringMatching(places), expect.stringMatching(places)]);
  expect(madeAt).not.toBe(againAt);
});

it.each([
  [
    "V8, a reload by the query of a URL",
    [
      "Error",
      "    at makeDefinition (/lib/i.js:1:2)",
      "    at defineJob (/lib/i.js:3:4)",
      "    at file:///a/jobs.ts:5:6",
    ],
    ["Error", "    at defineJob2 (/lib/i.cjs:3:4)", "    at async file:///a/jobs.ts?t=1:5:6"],
    { madeAt: "file:///a/jobs.ts:5:6", againAt: "file:///a/jobs.ts?t=1:5:6" },
  ],
  [
    "V8, the file of CommonJS required again",
    [
      "Error",
      "    at Object.defineJob (/lib/i.cjs:3:4)",
      "    at Object.<anonymous> (/a dir/defineJob.js:5:6)",
      "    at Module._compile (node:internal/modules:1:2)",
      "    at Object.<anonymous> (/a/server.js:1:1)",
    ],
    [
      "Error",
      "    at Object.defineJob (/lib/i.cjs:3:4)",
      "    at Object.<anonymous> (/a dir/defineJob.js:5:6)",
      "    at reload (/a/reload.js:1:1)",
    ],
    {
      madeAt: "/a dir/defineJob.js:5:6 < /a/server.js:1:1",
      againAt: "/a dir/defineJob.js:5:6 < /a/reload.js:1:1",
    },
  ],
  [
    "webpack, and the very same place",
    [
      "Error",
      "    at defineJob (webpack-internal:///(rsc)/./w.js:3:4)",
      "    at eval (webpack-internal:///(rsc)/./jobs.ts:5:6)",
    ],
    [
      "Error",
      "    at defineJob (webpack-internal:///(rsc)/./w.js:3:4)",
      "    at eval (webpack-internal:///(rsc)/./jobs.ts:5:6)",
    ],
    {
      madeAt: "webpack-internal:///(rsc)/./jobs.ts:5:6",
      againAt: "webpack-internal:///(rsc)/./jobs.ts:5:6",
    },
  ],
  [
    "engines that write name@place",
    ["makeDefinition@http://x/lib.js:1:2", "defineJob@http://x/lib.js:3:4", "@http://x/@scope/jobs.js:5:6"],
    ["defineJob@http://x/lib.js:3:4", "make@http://x/@scope/jobs.js:7:8", "@http://x/main.js:1:1"],
    { madeAt: "http://x/@scope/jobs.js:5:6", againAt: "http://x/@scope/jobs.js:7:8" },
  ],
  ["no stack at all", [""], ["Error"], { madeAt: null, againAt: null }],
  [
    "a caller that is not shown",
    ["Error", "    at defineJob (/lib/i.js:3:4)"],
    ["Error"],
    { madeAt: null, againAt: null },
  ],
])("reads the stacks of %s", (_, first, second, places) => {
  expect(placesOf(stack(...first), stack(...second))).toEqual(places);
});

it("says nothing where stacks are no text, or cannot be written", () => {
  const broken = withStack(() => {
    throw new Error("no stack here");
  });
  expect(
    placesOf(
      broken,
      withStack(() => [{ getFileName: () => "x" }]),
    ),
  ).toEqual({
    madeAt: null,
    againAt: null,
  });
});

it("writes no stack until it is asked, and shows none", () => {
  const { prepareStackTrace } = Error;
  onTestFinished(() => void (Error.prepareStackTrace = prepareStackTrace));
  let written = 0;
  Error.prepareStackTrace = (error) => ((written += 1), `${error.name}\n    at /a/jobs.ts:1:2`);
  const definition = make();
  expect(written).toBe(0);
  expect(JSON.stringify(definition)).not.toContain("jobs.ts");
  expect(placesOf(definition, definition).madeAt).toBe("/a/jobs.ts:1:2");
  expect(written).toBe(1);
});
