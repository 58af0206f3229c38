import { describe, expect, it } from "vitest";
import { Marks } from "../../src/adapters/redis/client/marks.js";
import { MARK_TTL_MS } from "../../src/adapters/redis/scripts/prelude.js";

const NOW = 1_750_000_000_000;

/** A server that keeps the highest number that wrote, and can lose it. */
class Server {
  highest = 0;

  run(mark: { readonly number: number; readonly floor: number }, wrote = true) {
    const lost = Math.max(0, mark.floor - this.highest);
    if (wrote) this.highest = Math.max(this.highest, mark.number);
    return { wrote, lost };
  }
}

function call(marks: Marks, server: Server, wrote = true, at = NOW): number {
  const mark = marks.next(at);
  return marks.answered(mark, server.run(mark, wrote), at);
}

describe("marks", () => {
  it("find nothing while nothing is lost, whatever is written or only read", () => {
    const [marks, server] = [new Marks(), new Server()];
    expect([true, false, true, true, false].map((wrote) => call(marks, server, wrote))).toEqual([
      0, 0, 0, 0, 0,
    ]);
  });

  it("find what was acknowledged and is gone, by the next call, once", () => {
    const [marks, server] = [new Marks(), new Server()];
    for (let calls = 0; calls < 10; calls += 1) call(marks, server);
    server.highest = 7;
    expect(call(marks, server, false)).toBe(3);
    expect(call(marks, server, false)).toBe(0);
    expect(call(marks, server)).toBe(0);
    server.highest = 0;
    expect(call(marks, server)).toBeGreaterThan(0);
    expect(call(marks, server)).toBe(0);
  });

  it("tell of one loss once though many calls were under way", () => {
    const [marks, server] = [new Marks(), new Server()];
    for (let calls = 0; calls < 5; calls += 1) call(marks, server);
    server.highest = 2;
    const under = [0, 1, 2].map(() => marks.next(NOW));
    const told = under.map((mark) => marks.answered(mark, server.run(mark, false), NOW));
    expect(told).toEqual([3, 0, 0]);
  });

  it("count no call as acknowledged that was not answered", () => {
    const [marks, server] = [new Marks(), new Server()];
    call(marks, server);
    server.run(marks.next(NOW));
    server.highest = 1;
    expect(call(marks, server)).toBe(0);
  });

  it("do not mind answers out of order, nor a call that is run twice", () => {
    const [marks, server] = [new Marks(), new Server()];
    const [first, second] = [marks.next(NOW), marks.next(NOW)];
    const later = server.run(second);
    expect(marks.answered(second, later, NOW)).toBe(0);
    server.run(first);
    expect(marks.answered(first, server.run(first), NOW)).toBe(0);
    expect(call(marks, server)).toBe(0);
  });

  it("take it for no loss when the server has forgotten a client that wrote nothing for a day", () => {
    const [marks, server] = [new Marks(), new Server()];
    call(marks, server);
    server.highest = 0;
    expect(call(marks, server, false, NOW + MARK_TTL_MS)).toBe(0);
    expect(call(marks, server, false, NOW + MARK_TTL_MS / 4)).toBe(1);
  });
});
