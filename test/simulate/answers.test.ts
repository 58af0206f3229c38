import { describe, expect, it } from "vitest";
import type { HistoryEntry } from "../../src/core/job/history.js";
import { Answers } from "./answers.js";
import { newLog } from "./job-log.js";
import { World } from "./world.js";

const ENTRY: HistoryEntry = {
  version: 1,
  edge: "T1",
  at: 0,
  attempt: 0,
  transitionId: "create-1",
  actor: "submit:1",
} as HistoryEntry;

describe("an answer that denied an effect", () => {
  const given = () => {
    const world = new World(1);
    return { world, answers: new Answers(world, new Map([["job-1", newLog("job-1")]])) };
  };

  it("is wrong where the effect comes later", () => {
    const { world, answers } = given();
    answers.denied("submit:1", "idempotency.conflict");
    answers.onEntry("job-1", ENTRY);
    expect(world.violations.map(({ rule }) => rule)).toEqual(["S9"]);
  });

  // Found by seed 1211: the job of the same key was lost, and the first request of the denied call arrived behind that.
  it("is not held against a store that has lost what it rested on", () => {
    const { world, answers } = given();
    answers.denied("submit:1", "idempotency.conflict");
    world.count("rollback");
    answers.onEntry("job-1", ENTRY);
    expect(world.violations).toEqual([]);
  });
});
