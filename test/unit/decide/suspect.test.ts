import { expect, it } from "vitest";
import { isSuspect, LAPSED } from "../../../src/core/decide/suspect.js";
import { encodeHistory } from "../../../src/core/job/history.js";
import { entry, JOB } from "./fixtures.js";

const lapsed = encodeHistory([entry(1), entry(2, { edge: "T7", reason: LAPSED })]);
const failed = encodeHistory([entry(1), entry(2, { edge: "T7", reason: "error" })]);
const told = encodeHistory([entry(1), entry(2, { edge: "warning", reason: LAPSED })]);

it.each([
  ["at its last attempt, after a claim that lapsed", true, 3, 3, lapsed],
  ["beyond its last attempt", true, 4, 3, lapsed],
  ["with an attempt left", false, 2, 3, lapsed],
  ["at its only attempt", false, 1, 1, lapsed],
  ["after an attempt that failed by itself", false, 3, 3, failed],
  ["that only warned of something by that name", false, 3, 3, told],
])("a job %s: run alone %s", (_, alone, attempt, maxAttempts, history) => {
  expect(isSuspect(JOB.running({ attempt, maxAttempts, history }))).toBe(alone);
});
