import { describe, expect, it } from "vitest";
import { ended, observeWorld, observing } from "./observe-world.js";

const OWNERS = 100;

const idsOf = (jobs: readonly { readonly id: string }[]): string[] => jobs.map(({ id }) => id).sort();

describe("observe", () => {
  it("tells all there is first, also when that is nothing, then what changes", async () => {
    const at = observeWorld();
    const { told, stop, finished } = observing(at, { owner: "ann" });
    await at.clock.settle();
    expect(told).toEqual([{ jobs: [], gone: [], snapshot: true, reset: false }]);
    at.put("a");
    await at.clock.settle();
    at.put("a", { status: "QUEUED" });
    await at.clock.settle();
    expect(told.slice(1)).toMatchObject([
      { jobs: [{ id: "a", status: "PENDING", version: 1 }], snapshot: false, reset: false },
      { jobs: [{ id: "a", status: "QUEUED", version: 2 }], gone: [] },
    ]);
    await stop();
    await finished;
  });

  it("shows jobs of one owner, kind and subject only, whatever is hinted", async () => {
    const at = observeWorld();
    at.write("mine", { subject: "doc" });
    at.write("hers", { owner: "bea", subject: "doc" });
    at.write("nobodys", { owner: null, subject: "doc" });
    const mine = observing(at, { owner: "ann" });
    const nobodys = observing(at, { owner: null });
    const about = observing(at, { owner: "ann", subject: "doc", kind: ["sample.work"] });
    const anybodys = observing(at, { kind: "sample.work" });
    await at.clock.settle();
    at.put("other-kind", { kind: "sample.other", subject: "doc" });
    at.put("other-subject", { subject: "plan" });
    // A hint that claims what is not so.
    at.hint({ ...at.rows.get("hers")!.record, owner: "ann", version: 9 });
    await at.clock.settle();
    expect([...mine.room.keys()].sort()).toEqual(["mine", "other-kind", "other-subject"]);
    expect([...nobodys.room.keys()]).toEqual(["nobodys"]);
    expect([...about.room.keys()]).toEqual(["mine"]);
    expect([...anybodys.room.keys()].sort()).toEqual(["hers", "mine", "nobodys", "other-subject"]);
  });

  it("tells of ids asked for that are not there, or are somebody else's, alike", async () => {
    const at = observeWorld();
    at.write("hers", { owner: "bea" });
    const filter = { ids: ["hers", "none", "not an id"], owner: "ann" };
    const { told, room } = observing(at, filter);
    await at.clock.settle();
    expect(told).toEqual([{ jobs: [], gone: ["hers", "none", "not an id"], snapshot: true, reset: false }]);
    at.put("hers", { status: "QUEUED" });
    await at.clock.settle();
    expect(told).toHaveLength(1);
    at.put("none");
    await at.clock.settle();
    expect([...room.keys()]).toEqual(["none"]);
  });

  it("costs one read a change, however many look, by id and by owner", async () => {
    const at = observeWorld();
    at.write("a", { status: "QUEUED" });
    const many = Array.from({ length: 1_000 }, (_, index) =>
      observing(at, index % 2 === 0 ? { ids: ["a"] } : { owner: "ann" }),
    );
    await at.clock.settle();
    at.reads.length = 0;
    const record = at.put("a", { status: "PROCESSING" });
    // A feed that echoes, and doubles.
    at.hint(record);
    await at.clock.settle();
    at.hint(record);
    await at.clock.settle();
    expect(at.reads.map(({ id }) => id)).toEqual(["a"]);
    expect(many.filter(({ steps }) => steps.at(-1) === "a PROCESSING 2")).toHaveLength(1_000);
    expect(at.listeners.size).toBe(1);
  });

  it("reads no input but for messages that speak of it, and the output of what is COMPLETED only", async () => {
    const at = observeWorld();
    at.write("done", ended("COMPLETED", at.clock.now()), JSON.stringify({ done: "yes" }));
    at.write("running", { status: "PROCESSING" });
    at.write("greeting", { kind: "sample.greeting" });
    const { told } = observing(at, { owner: "ann" });
    await at.clock.settle();
    const jobs = new Map(told[0]!.jobs.map((job) => [job.id, job]));
    expect(jobs.get("done")).toMatchObject({ output: { done: "yes" } });
    expect(jobs.get("greeting")).toMatchObject({ message: "For ann" });
    expect(JSON.stringify(told)).not.toContain("canary");
    expect(at.calls.listedInputs).toBe(0);
    expect(at.reads.filter(({ input }) => input).map(({ id }) => id)).toEqual(["greeting"]);
    expect(at.reads.filter(({ output }) => output).map(({ id }) => id)).toEqual(
      expect.arrayContaining(["done"]),
    );
    expect(at.reads.filter(({ id, output }) => id === "running" && output)).toEqual([]);
    // Told of its end by a hint, it is read with its output in the same round trip.
    at.reads.length = 0;
    at.put("running", ended("COMPLETED", at.clock.now()), JSON.stringify({ done: "too" }));
    await at.clock.settle();
    expect(at.reads).toEqual([{ id: "running", input: false, output: true }]);
    expect(told.at(-1)).toMatchObject({ jobs: [{ id: "running", output: { done: "too" } }] });
  });

  it("keeps to the newest, and tells which one a newer pushed out", async () => {
    const at = observeWorld();
    for (const id of ["a", "b", "c"]) {
      at.write(id);
      await at.clock.advance(1);
    }
    const { told, room } = observing(at, { owner: "ann", limit: 2 });
    await at.clock.settle();
    expect(idsOf(told[0]!.jobs)).toEqual(["b", "c"]);
    at.put("d");
    await at.clock.settle();
    expect(told.at(-1)).toMatchObject({ jobs: [{ id: "d" }], gone: ["b"] });
    // A change of one that is too old is nothing here.
    at.put("a", { status: "QUEUED" });
    await at.clock.settle();
    expect(told).toHaveLength(2);
    // One that is removed makes room for an older, when the list is read again.
    at.rows.delete("d");
    await at.clock.advance(32_000);
    expect([...room.keys()].sort()).toEqual(["b", "c"]);
  });

  it("shows nothing of no kind and of no ids, and asks no store for it", async () => {
    const at = observeWorld();
    at.write("a");
    const of = [{ kind: [] }, { kind: [], owner: "ann" }, { ids: [] }].map((filter) => observing(at, filter));
    await at.clock.settle();
    at.put("b");
    await at.clock.advance(60_000);
    expect(of.map(({ told }) => told)).toEqual(
      Array(3).fill([{ jobs: [], gone: [], snapshot: true, reset: false }]),
    );
    expect(at.calls).toMatchObject({ list: 0, read: 0 });
  });

  it("reads page after page", async () => {
    const at = observeWorld();
    for (let index = 0; index < 260; index += 1) at.write(`job-${index}`, { createdAt: index });
    const { told } = observing(at, { owner: "ann", limit: 250 });
    await at.clock.settle();
    expect(told[0]!.jobs).toHaveLength(250);
    expect(at.calls.list).toBe(3);
    expect(Math.min(...told[0]!.jobs.map(({ createdAt }) => createdAt.getTime()))).toBe(10);
  });

  it("attaches before it reads", async () => {
    const at = observeWorld();
    at.write("a");
    const during = at.store.read;
    let attached = false;
    Object.assign(at.store, {
      read: (request: Parameters<typeof during>[0]) => {
        attached = at.listeners.size === 1;
        return during(request);
      },
    });
    observing(at, { ids: ["a"] });
    await at.clock.settle();
    expect(attached).toBe(true);
  });

  it("loses nothing that happens while it reads", async () => {
    const at = observeWorld();
    at.write("a");
    at.trouble.delayMs = () => 50;
    const { room } = observing(at, { owner: "ann" });
    for (let step = 0; step < 10; step += 1) {
      await at.clock.advance(20);
      at.put("a");
      at.put(`b${step}`);
    }
    await at.clock.advance(1_000);
    expect(room.size).toBe(11);
    expect(room.get("a")).toBe(11);
  });

  it("lets a slow reader skip to the newest of each job", async () => {
    const at = observeWorld();
    at.write("a");
    const reader = observing(at, { owner: "ann" });
    await at.clock.settle();
    reader.pause();
    at.put("a");
    await at.clock.settle();
    for (let step = 0; step < 20; step += 1) {
      at.put("a");
      at.put("b");
      await at.clock.settle();
    }
    at.rows.delete("b");
    reader.resume();
    await at.clock.settle();
    expect(reader.steps).toEqual(["a PENDING 1", "a PENDING 2", "a PENDING 22", "b PENDING 20"]);
  });

  it("leaves out what is known, and tells what of it is not to be seen any more", async () => {
    const at = observeWorld();
    at.write("same");
    at.write("newer");
    at.write("newer");
    at.write("hers", { owner: "bea" });
    const known = { same: 1, newer: 1, hers: 1, none: 4 };
    const { told } = observing(at, { owner: "ann" }, { known });
    await at.clock.settle();
    expect(told).toMatchObject([{ jobs: [{ id: "newer" }], gone: ["hers", "none"], snapshot: true }]);
    expect(told[0]?.reset).toBe(false);
  });
});

describe("what no hint tells of", () => {
  it("is found by reading: jobs within 10 s, lists within 30 s", async () => {
    const at = observeWorld();
    at.write("a");
    const { room } = observing(at, { owner: "ann" });
    await at.clock.settle();
    at.write("a");
    at.write("b");
    await at.clock.advance(12_000);
    expect([...room]).toEqual([["a", 2]]);
    await at.clock.advance(20_000);
    expect([...room.keys()].sort()).toEqual(["a", "b"]);
    at.rows.delete("a");
    await at.clock.advance(12_000);
    expect([...room.keys()]).toEqual(["b"]);
  });

  it("is read at once when the feed says that it has lost hints", async () => {
    const at = observeWorld();
    at.write("a");
    const { room } = observing(at, { owner: "ann" });
    await at.clock.settle();
    at.write("a");
    at.write("b");
    at.gap();
    await at.clock.settle();
    expect([...room]).toEqual([
      ["a", 2],
      ["b", 1],
    ]);
  });

  it("is read every 2 s while there is no feed, and at once when it is there", async () => {
    const at = observeWorld();
    at.trouble.subscribe = true;
    at.write("a");
    const { room } = observing(at, { ids: ["a"] });
    await at.clock.settle();
    at.write("a");
    await at.clock.advance(2_400);
    expect(room.get("a")).toBe(2);
    at.trouble.subscribe = false;
    at.write("a");
    await at.clock.advance(2_000);
    expect([at.listeners.size, room.get("a")]).toEqual([1, 3]);
    expect(at.log.filter(({ message }) => message.includes("attach"))).toHaveLength(1);
  });

  it("is not looked for where there is no other process", async () => {
    const at = observeWorld({ feed: false, shared: false });
    at.write("a");
    observing(at, { ids: ["a"] });
    await at.clock.settle();
    at.reads.length = 0;
    await at.clock.advance(9_000);
    expect(at.reads).toEqual([]);
  });

  it("costs an idle process one read a job and interval, in batches, and no input", async () => {
    const at = observeWorld();
    for (let owner = 0; owner < OWNERS; owner += 1) {
      for (let job = 0; job < 20; job += 1) at.write(`job-${owner}-${job}`, { owner: `owner-${owner}` });
    }
    for (let owner = 0; owner < OWNERS; owner += 1) observing(at, { owner: `owner-${owner}` });
    await at.clock.settle();
    at.reads.length = 0;
    at.calls.read = 0;
    await at.clock.advance(60_000);
    expect(at.reads.length).toBeLessThanOrEqual(OWNERS * 20 * 6);
    expect(at.reads.length).toBeGreaterThanOrEqual(OWNERS * 20 * 4);
    expect(at.calls.read).toBeLessThanOrEqual(at.reads.length / 200);
    expect(at.reads.filter(({ input, output }) => input || output)).toEqual([]);
    expect(at.calls.listedInputs).toBe(0);
  });

  it("is told with reset when the store has lost writes, and only then may a version fall", async () => {
    const at = observeWorld();
    at.write("a");
    const before = at.rows.get("a")!;
    const { told, room, steps } = observing(at, { owner: "ann" });
    await at.clock.settle();
    at.put("a", { status: "QUEUED" });
    at.put("b");
    await at.clock.settle();
    at.rows.set("a", before);
    await at.clock.advance(12_000);
    expect(told.at(-1)).toMatchObject({ jobs: [{ id: "a", version: 1, status: "PENDING" }], reset: true });
    expect(room.get("a")).toBe(1);
    expect(steps.filter((step) => step.includes("back"))).toEqual([]);
  });

  it("finds what bears the old version and is another", async () => {
    const at = observeWorld();
    at.write("a", { status: "PROCESSING", version: 4 });
    const { told } = observing(at, { ids: ["a"] });
    await at.clock.settle();
    at.write("a", { ...ended("FAILED", 0), version: 4 });
    await at.clock.advance(12_000);
    expect(told.at(-1)).toMatchObject({ jobs: [{ status: "FAILED", version: 4 }], reset: true });
  });

  it("finds that a final job is not final any more", async () => {
    const at = observeWorld();
    at.write("a", { status: "PROCESSING" });
    const before = at.rows.get("a")!;
    at.write("a", ended("FAILED", 0));
    const byId = observing(at, { ids: ["a"] });
    const byOwner = observing(at, { owner: "ann" });
    await at.clock.settle();
    at.rows.set("a", before);
    await at.clock.advance(32_000);
    expect([byId, byOwner].map(({ steps }) => steps)).toEqual([
      ["a FAILED 2", "a PROCESSING 1"],
      ["a FAILED 2", "a PROCESSING 1"],
    ]);
  });
});

describe("an observer", () => {
  it("ends at once when its reader leaves, though nothing changes, and lets go of everything", async () => {
    const at = observeWorld();
    at.write("a");
    const { stop, finished } = observing(at, { owner: "ann" });
    await at.clock.settle();
    await stop();
    await finished;
    at.reads.length = 0;
    await at.clock.advance(60_000);
    expect([at.clock.pending(), at.listeners.size, at.reads.length]).toEqual([0, 0, 0]);
  });

  it("ends with its signal, which a hundred may share", async () => {
    const warnings: Error[] = [];
    const warned = (warning: Error): void => void warnings.push(warning);
    process.on("warning", warned);
    const at = observeWorld();
    const all = new AbortController();
    const many = Array.from({ length: 100 }, () => observing(at, { owner: "ann" }, { signal: all.signal }));
    await at.clock.settle();
    all.abort();
    await Promise.all(many.map(({ finished }) => finished));
    await new Promise((resolve) => setImmediate(resolve));
    process.off("warning", warned);
    expect([warnings, at.clock.pending()]).toEqual([[], 0]);
  });

  it("ends with an error when its Waybill closes", async () => {
    const at = observeWorld();
    const { finished } = observing(at, { owner: "ann" });
    await at.clock.settle();
    const closed = at.clock.runUntil(at.waybill.close());
    await expect(finished).rejects.toMatchObject({ code: "waybill.closed" });
    await closed;
    expect(() => at.waybill.observe({ owner: "ann" })).toThrow("closed");
  });

  it("throws when what there is cannot be read, and goes on when it later cannot", async () => {
    const at = observeWorld();
    at.write("a");
    at.trouble.reads = true;
    await expect(observing(at, { ids: ["a"] }).finished).rejects.toMatchObject({ code: "store.unavailable" });
    at.trouble.reads = false;
    const { room } = observing(at, { owner: "ann" });
    await at.clock.settle();
    at.trouble.reads = true;
    at.trouble.lists = true;
    at.put("a");
    at.put("b");
    await at.clock.advance(60_000);
    expect(room.get("a")).toBe(1);
    // One line for one trouble, however often.
    expect(at.log.length).toBeLessThanOrEqual(3);
    at.trouble.reads = false;
    at.trouble.lists = false;
    await at.clock.advance(32_000);
    expect([...room]).toEqual([
      ["a", 2],
      ["b", 1],
    ]);
  });

  it.each([
    [{}, "at least one of"],
    [{ owner: undefined }, "owner is there but undefined"],
    [{ owner: "" }, "owner"],
    [{ owner: "ann", limit: 501 }, "limit"],
    [{ owner: "ann", limit: 0 }, "limit"],
    [{ ids: [7] }, "ids"],
    [{ kind: "sample.none" as never }, "sample.none"],
    [{ owners: "ann" }, "owner"],
  ])("refuses %o", (filter: object, sentence) => {
    const at = observeWorld();
    expect(() => at.waybill.observe(filter)).toThrow(sentence);
  });

  it.each([{ "not an id": 1 }, { a: -1 }, { a: 0.5 }])("refuses to know %o", (known) => {
    const at = observeWorld();
    expect(() => at.waybill.observe({ owner: "ann" }, { known })).toThrow("known");
  });
});
