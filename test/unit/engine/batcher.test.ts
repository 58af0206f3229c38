import { describe, expect, it } from "vitest";
import { createBatcher } from "../../../src/core/engine/store/batcher.js";
import { fakeClock, type FakeClock } from "../../../src/testing/fake-clock.js";

interface Call {
  readonly items: readonly string[];
  readonly answer: () => void;
  readonly fail: (error: Error) => void;
}

/** A batcher whose calls are answered by hand. */
function bench(
  options: { maxBatch?: number; lanes?: number; keyed?: boolean; slowMs?: number; isOrdered?: boolean } = {},
) {
  const clock: FakeClock = fakeClock();
  const calls: Call[] = [];
  const batcher = createBatcher<string, string>({
    clock,
    maxBatch: options.maxBatch ?? 10,
    lanes: options.lanes ?? 1,
    ...(options.slowMs === undefined ? {} : { slowMs: options.slowMs }),
    isOrdered: options.isOrdered ?? false,
    isOfOneItem: (error) => error instanceof RangeError,
    keyOf: options.keyed === false ? null : (item) => item.split(":")[0]!,
    run: (items) =>
      new Promise((resolve, reject) => {
        calls.push({
          items,
          answer: () => {
            resolve(items.map((item) => `answer to ${item}`));
          },
          fail: reject,
        });
      }),
  });
  return { clock, calls, batcher, asked: () => calls.map(({ items }) => items) };
}

describe("batcher", () => {
  it("sends what is asked for in one turn of the event loop in one call, each caller getting its own answer", async () => {
    const { clock, calls, batcher, asked } = bench();
    const answers = Promise.all(["a", "b", "c"].map((item) => batcher.add(item)));
    await clock.settle();
    expect(asked()).toEqual([["a", "b", "c"]]);
    calls[0]!.answer();
    expect(await answers).toEqual(["answer to a", "answer to b", "answer to c"]);
  });

  it("never puts more into a call than it may hold", async () => {
    const { clock, calls, batcher, asked } = bench({ maxBatch: 2 });
    const answers = Promise.all(["a", "b", "c", "d", "e"].map((item) => batcher.add(item)));
    for (let call = 0; call < 3; call += 1) {
      await clock.settle();
      calls[call]!.answer();
    }
    await answers;
    expect(asked()).toEqual([["a", "b"], ["c", "d"], ["e"]]);
  });

  it("looks at an item as often in a crowd of ten thousand as in one of a hundred", async () => {
    const looksAt = async (crowd: number): Promise<number> => {
      const clock = fakeClock();
      let looks = 0;
      const batcher = createBatcher<number, number>({
        clock,
        maxBatch: 50,
        lanes: 1,
        keyOf: (item) => {
          looks += 1;
          return String(item);
        },
        run: async (items) => items,
      });
      const answers = Array.from({ length: crowd }, (_, item) => batcher.add(item));
      await clock.runUntil(Promise.all(answers));
      return looks / crowd;
    };
    const [few, many] = [await looksAt(100), await looksAt(10_000)];
    expect([few, many]).toEqual([1, 1]);
  });

  it("keeps the order of what it holds back, however many come after it", async () => {
    const { clock, calls, batcher, asked } = bench({ maxBatch: 2 });
    const items = ["a:1", "a:2", "b:1", "c:1", "a:3", "d:1", "d:2"];
    const answers = Promise.all(items.map((item) => batcher.add(item)));
    for (let call = 0; call < 4; call += 1) {
      await clock.settle();
      calls[call]!.answer();
    }
    await answers;
    expect(asked()).toEqual([["a:1", "b:1"], ["a:2", "c:1"], ["a:3", "d:1"], ["d:2"]]);
  });

  it("has as many calls under way as it has lanes, and the next batch builds meanwhile", async () => {
    const { clock, calls, batcher, asked } = bench({ maxBatch: 1, lanes: 2 });
    void batcher.add("a");
    void batcher.add("b");
    void batcher.add("c");
    await clock.settle();
    expect(asked()).toEqual([["a"], ["b"]]);
    void batcher.add("d");
    calls[1]!.answer();
    await clock.settle();
    expect(asked()).toEqual([["a"], ["b"], ["c"]]);
  });

  it("never has one key twice in a call, and does not forget the one that it held back", async () => {
    const { clock, calls, batcher, asked } = bench();
    const answers = Promise.all(["a:1", "b:1", "a:2", "a:3"].map((item) => batcher.add(item)));
    for (let call = 0; call < 3; call += 1) {
      await clock.settle();
      calls[call]!.answer();
    }
    expect(await answers).toHaveLength(4);
    expect(asked()).toEqual([["a:1", "b:1"], ["a:2"], ["a:3"]]);
  });

  it("lets equal items share a call where they have no key", async () => {
    const { clock, batcher, asked } = bench({ keyed: false });
    void batcher.add("a");
    void batcher.add("a");
    await clock.settle();
    expect(asked()).toEqual([["a", "a"]]);
  });

  it("rejects exactly the items of the call that failed, and goes on", async () => {
    const { clock, calls, batcher } = bench({ maxBatch: 2 });
    const settled = Promise.allSettled(["a", "b", "c"].map((item) => batcher.add(item)));
    await clock.settle();
    calls[0]!.fail(new Error("lost"));
    await clock.settle();
    calls[1]!.answer();
    expect((await settled).map(({ status }) => status)).toEqual(["rejected", "rejected", "fulfilled"]);
  });

  it("finds the one item that a call was refused for, and asks for the others without it", async () => {
    const { clock, calls, batcher, asked } = bench();
    const settled = Promise.allSettled(["a", "b", "bad", "c", "d"].map((item) => batcher.add(item)));
    for (let call = 0; call < 5; call += 1) {
      await clock.settle();
      const { items, answer, fail } = calls[call]!;
      if (items.includes("bad")) fail(new RangeError("bad"));
      else answer();
    }
    expect((await settled).map(({ status }) => status)).toEqual([
      "fulfilled",
      "fulfilled",
      "rejected",
      "fulfilled",
      "fulfilled",
    ]);
    expect(asked().slice(1)).toEqual([["a", "b", "bad"], ["c", "d"], ["a", "b"], ["bad"]]);
  });

  it("gives the lane of a call that is slow to the next, and takes its answer all the same", async () => {
    const { clock, calls, batcher, asked } = bench({ slowMs: 2_000 });
    const first = batcher.add("a");
    await clock.settle();
    const second = batcher.add("b");
    await clock.advance(1_999);
    expect(asked()).toEqual([["a"]]);
    await clock.advance(1);
    expect(asked()).toEqual([["a"], ["b"]]);
    calls[1]!.answer();
    expect(await second).toBe("answer to b");
    calls[0]!.answer();
    expect(await first).toBe("answer to a");
    expect(clock.pending()).toBe(0);
  });

  it("lets no more than a few calls hang beside its lanes", async () => {
    const { clock, batcher, asked } = bench({ slowMs: 100, maxBatch: 1 });
    for (let item = 0; item < 20; item += 1) void batcher.add(String(item));
    await clock.advance(10_000);
    expect(asked()).toHaveLength(5);
  });

  it("has one of a key under way at a time where their order counts, and keeps nothing else waiting for it", async () => {
    const { clock, calls, batcher, asked } = bench({ maxBatch: 1, lanes: 2, isOrdered: true });
    const answers = Promise.all(["a:1", "a:2", "b:1"].map((item) => batcher.add(item)));
    await clock.settle();
    expect(asked()).toEqual([["a:1"], ["b:1"]]);
    calls[0]!.answer();
    await clock.settle();
    expect(asked()).toEqual([["a:1"], ["b:1"], ["a:2"]]);
    calls[1]!.answer();
    calls[2]!.answer();
    await answers;
  });

  it("rejects its items when the call throws instead of rejecting", async () => {
    const clock = fakeClock();
    const batcher = createBatcher<string, string>({
      clock,
      maxBatch: 5,
      lanes: 1,
      keyOf: null,
      run: () => {
        throw new Error("thrown");
      },
    });
    const settled = Promise.allSettled([batcher.add("a"), batcher.add("b")]);
    await clock.settle();
    expect((await settled).map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  });

  it("rejects the items that a call left without an answer", async () => {
    const clock = fakeClock();
    const batcher = createBatcher<string, string>({
      clock,
      maxBatch: 5,
      lanes: 1,
      keyOf: null,
      run: async () => ["only one"],
    });
    const settled = Promise.allSettled([batcher.add("a"), batcher.add("b")]);
    await clock.settle();
    expect((await settled).map(({ status }) => status)).toEqual(["fulfilled", "rejected"]);
  });
});
