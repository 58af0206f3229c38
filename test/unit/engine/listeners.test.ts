import { expect, it } from "vitest";
import { Listeners } from "../../../src/core/engine/announce/listeners.js";

function heard() {
  const listeners = new Listeners<number>();
  const calls: string[] = [];
  const listener = (who: string) => (value: number) => void calls.push(`${who}${value}`);
  return { listeners, calls, listener };
}

it("calls those of a name in the order in which they came, and one that was added twice twice", () => {
  const { listeners, calls, listener } = heard();
  const a = listener("a");
  listeners.add("x", a);
  listeners.add("x", listener("b"));
  const stop = listeners.add("x", a);
  listeners.add("y", listener("y"));
  listeners.call("x", 1);
  stop();
  listeners.call("x", 2);
  listeners.call("nobody", 3);
  expect(calls).toEqual(["a1", "b1", "a1", "a2", "b2"]);
});

it("keeps nothing of a name that nobody listens to any more", () => {
  const { listeners, listener } = heard();
  const stops = [listeners.add("x", listener("a")), listeners.add("x", listener("b"))];
  stops[0]!();
  expect([listeners.has("x"), listeners.hasAny()]).toEqual([true, true]);
  stops[1]!();
  stops[1]!();
  expect([listeners.has("x"), listeners.hasAny()]).toEqual([false, false]);
});

it("who comes or goes during a call changes the next, not this one", () => {
  const { listeners, calls, listener } = heard();
  let stopB = (): void => undefined;
  const stopA = listeners.add("x", (value) => {
    calls.push(`a${value}`);
    stopA();
    stopB();
    listeners.add("x", listener("late"));
  });
  stopB = listeners.add("x", listener("b"));
  listeners.call("x", 1);
  expect(calls).toEqual(["a1", "b1"]);
  listeners.call("x", 2);
  expect(calls).toEqual(["a1", "b1", "late2"]);
});

it("one who stops after all were let go stops nobody who came since", () => {
  const { listeners, calls, listener } = heard();
  const stop = listeners.add("x", listener("old"));
  listeners.clear();
  listeners.add("x", listener("new"));
  stop();
  listeners.call("x", 1);
  expect(calls).toEqual(["new1"]);
});
