import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { memoryStore } from "../../src/adapters/memory/store.js";
import { DueIndex } from "../../src/adapters/memory/store-due-index.js";
import { ListIndex } from "../../src/adapters/memory/store-list-index.js";
import type { ListReply } from "../../src/core/ports/store.js";
import { sampleJob } from "../../src/testing/sample-jobs.js";

const NOW = 1_750_000_000_000;
const ids = fc.constantFrom("a", "b", "c", "d", "e", "f", "g", "h");

describe("the index of instants", () => {
  it("has the earliest first, ties by id, whatever is set, moved and taken out", () => {
    const change = fc.record({ id: ids, at: fc.option(fc.integer({ min: 0, max: 5 })) });
    fc.assert(
      fc.property(fc.array(change, { maxLength: 60 }), (changes) => {
        const index = new DueIndex();
        const model = new Map<string, number>();
        for (const { id, at } of changes) {
          index.set(id, at);
          if (at === null) model.delete(id);
          else model.set(id, at);
          const [first] = [...model].sort(([a, x], [b, y]) => x - y || (a < b ? -1 : 1));
          expect(index.first()).toEqual(
            first === undefined ? null : expect.objectContaining({ id: first[0], at: first[1] }),
          );
        }
      }),
    );
  });
});

describe("the index of lists", () => {
  it("walks the newest first behind any place", () => {
    const place = fc.record({ id: ids, createdAt: fc.integer({ min: 0, max: 3 }) });
    const places = fc.uniqueArray(place, { selector: ({ id }) => id });
    fc.assert(
      fc.property(places, place, fc.array(ids), (all, after, removed) => {
        const index = new ListIndex<string>();
        for (const one of all) index.add("key", one);
        for (const one of all) if (removed.includes(one.id)) index.remove("key", one);
        const left = all.filter(({ id }) => !removed.includes(id));
        left.sort((a, b) => b.createdAt - a.createdAt || (a.id < b.id ? 1 : -1));
        const behind = left.filter(
          ({ id, createdAt }) =>
            createdAt < after.createdAt || (createdAt === after.createdAt && id < after.id),
        );
        expect([...index.newestFirst("key")]).toEqual(left);
        expect([...index.newestFirst("key", after)]).toEqual(behind);
        expect(index.count("key")).toBe(left.length);
        expect([...index.newestFirst("other")]).toEqual([]);
      }),
    );
  });
});

describe("a list that a filter thins out", () => {
  it("comes in short pages, and ends", async () => {
    const store = memoryStore();
    const jobs = Array.from({ length: 2_500 }, (_, index) =>
      sampleJob(
        { id: `job-${String(index).padStart(4, "0")}`, kind: index === 7 ? "rare" : "usual", owner: "o" },
        NOW,
      ),
    );
    await store.create({ nowMs: NOW, items: jobs.map((record) => ({ record, input: "{}" })) });
    const found: string[] = [];
    let pages = 0;
    let after: ListReply["next"] = null;
    do {
      const page: ListReply = await store.list({
        nowMs: NOW,
        owner: "o",
        kinds: ["rare"],
        limit: 10,
        ...(after === null ? {} : { after }),
      });
      found.push(...page.jobs.map((job) => job.record.id));
      after = page.next;
      pages += 1;
    } while (after !== null);
    expect([found, pages]).toEqual([["job-0007"], 3]);
  });
});
