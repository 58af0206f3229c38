import { describe, expect, it } from "vitest";
import { ended, observeWorld, observing, type ObserveWorld } from "./observe-world.js";

const NOW = JSON.stringify({ rows: ["x", "y"] });
/** As jobs of the kind were stored before. */
const BEFORE = JSON.stringify({ items: ["canary-output"] });

/** A job of `rows` that has come to its end. */
function end(at: ObserveWorld, id: string, output: string, tell: "write" | "put" = "write"): void {
  const begun = at.rows.has(id) ? {} : { kind: "sample.rows" };
  at[tell](id, { ...begun, ...ended("COMPLETED", at.clock.now()) }, output);
}

const errorsOf = (at: ObserveWorld) => at.log.filter(({ level }) => level === "error");
const said = (jobId: string) => ({
  level: "error",
  message: "a job cannot be shown, and is left out of lists",
  fields: { jobId, kind: "sample.rows", code: "config.invalid" },
});

describe("a job that its kind cannot show", () => {
  it("is left out of lists, and said once, however many look and however often", async () => {
    const at = observeWorld();
    end(at, "old", BEFORE);
    end(at, "new", NOW);
    at.write("a");
    const looking = [
      observing(at, { owner: "ann" }),
      observing(at, { owner: "ann" }, { known: { old: 1 } }),
      observing(at, { kind: "sample.rows" }),
    ];
    await at.clock.settle();
    expect(looking.map(({ room }) => [...room.keys()].sort())).toEqual([["a", "new"], ["a", "new"], ["new"]]);
    expect(looking.map(({ told }) => told[0]!.gone)).toEqual([[], ["old"], []]);
    expect(looking[0]!.told[0]!.jobs.find(({ id }) => id === "new")).toMatchObject({ output: { count: 2 } });
    await at.clock.advance(120_000);
    at.hint(at.rows.get("old")!.record);
    await at.clock.settle();
    expect(looking.map(({ told }) => told.length)).toEqual([1, 1, 1]);
    expect(at.log).toEqual([said("old")]);
    expect(JSON.stringify(at.log)).not.toContain("canary");
  });

  it("leaves a list when it becomes so while it is watched, and the others stay and go on", async () => {
    const at = observeWorld();
    at.write("a");
    at.write("b", { kind: "sample.rows" });
    const { told, room } = observing(at, { owner: "ann" });
    await at.clock.settle();
    expect([...room.keys()].sort()).toEqual(["a", "b"]);
    end(at, "b", BEFORE, "put");
    await at.clock.settle();
    expect(told.slice(1)).toEqual([{ jobs: [], gone: ["b"], snapshot: false, reset: false }]);
    at.put("a", { status: "QUEUED" });
    await at.clock.settle();
    expect([...room]).toEqual([["a", 2]]);
    expect(at.log).toEqual([said("b")]);
  });

  it("comes back to a list once it can be shown again, told by a hint or found by the next list", async () => {
    for (const tell of ["write", "put"] as const) {
      const at = observeWorld();
      end(at, "old", BEFORE);
      const { room } = observing(at, { owner: "ann" });
      await at.clock.settle();
      end(at, "old", NOW, tell);
      await at.clock.advance(31_000);
      expect([...room]).toEqual([["old", 2]]);
      end(at, "old", BEFORE, tell);
      await at.clock.advance(62_000);
      expect([...room]).toEqual([]);
      expect(errorsOf(at)).toEqual([said("old")]);
    }
  });

  it("is refused to who asks for it by its id, unless it is somebody else's, which is as none", async () => {
    const at = observeWorld();
    end(at, "old", BEFORE);
    at.write("a");
    const list = observing(at, { owner: "ann" });
    await at.clock.settle();
    await expect(observing(at, { ids: ["a", "old"] }).finished).rejects.toMatchObject({
      code: "config.invalid",
      message: expect.stringContaining("project.output threw"),
    });
    const others = observing(at, { ids: ["old"], owner: "bea" });
    await at.clock.settle();
    expect(others.told).toEqual([{ jobs: [], gone: ["old"], snapshot: true, reset: false }]);
    expect([...list.room.keys()]).toEqual(["a"]);
  });

  it("stays as it was last shown for who looked at it by its id before, and leaves the list beside", async () => {
    const at = observeWorld();
    at.write("b", { kind: "sample.rows" });
    const byId = observing(at, { ids: ["b"] });
    const list = observing(at, { owner: "ann" });
    await at.clock.settle();
    end(at, "b", BEFORE, "put");
    await at.clock.advance(62_000);
    expect([[...byId.room], [...list.room]]).toEqual([[["b", 1]], []]);
    expect(byId.told).toHaveLength(1);
    expect(at.log).toEqual([said("b")]);
    // A list that begins now does not take what was shown before for what is.
    const late = observing(at, { owner: "ann", limit: 5 });
    await at.clock.settle();
    expect(late.told).toEqual([{ jobs: [], gone: [], snapshot: true, reset: false }]);
    end(at, "b", NOW, "put");
    await at.clock.settle();
    expect([byId, list, late].map(({ room }) => [...room])).toEqual([[["b", 3]], [["b", 3]], [["b", 3]]]);
  });
});
