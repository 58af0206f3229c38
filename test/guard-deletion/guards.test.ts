import { afterAll, describe, expect, it, vi } from "vitest";
import { baselineOf, type Engine, judge } from "./engine.js";
import { sqliteEngine } from "./sqlite-engine.js";
import { unsentFragments } from "./sql/fragments.js";
import { edited, guardsOf } from "./sql/guards.js";

/** Each guard of a statement with the statement that is left without it. */
function without(sql: string): Readonly<Record<string, readonly string[]>> {
  return Object.fromEntries(
    guardsOf(sql).map(({ key, ways }) => [key, ways.map((edits) => edited(sql, edits))]),
  );
}

describe("the guards of a statement", () => {
  it("are the conditions of a where, also inside of others", () => {
    expect(without("delete from t where a = ? and (b is null or (c = 1 and d > 2))")).toEqual({
      "delete t where ⟦a = ?⟧ and (b is null or (c = 1 and d > 2))": [
        "delete from t where (a = ? or true) and (b is null or (c = 1 and d > 2))",
      ],
      "delete t where a = ? and ⟦(b is null or (c = 1 and d > 2))⟧": [
        "delete from t where a = ? and ((b is null or (c = 1 and d > 2)) or true)",
      ],
      "delete t where a = ? and (⟦b is null⟧ or (c = 1 and d > 2))": [
        "delete from t where a = ? and ((b is null and false) or (c = 1 and d > 2))",
      ],
      "delete t where a = ? and (b is null or ⟦(c = 1 and d > 2)⟧)": [
        "delete from t where a = ? and (b is null or ((c = 1 and d > 2) and false))",
      ],
      "delete t where a = ? and (b is null or (⟦c = 1⟧ and d > 2))": [
        "delete from t where a = ? and (b is null or ((c = 1 or true) and d > 2))",
      ],
      "delete t where a = ? and (b is null or (c = 1 and ⟦d > 2⟧))": [
        "delete from t where a = ? and (b is null or (c = 1 and (d > 2 or true)))",
      ],
    });
  });

  it("are orders, limits and locks", () => {
    const sql = "with p as (select a from t order by a, b desc limit $1 for update skip locked) select 1";
    expect(Object.keys(without(sql))).toEqual([
      "p: select a from t order by ⟦a, b desc⟧",
      "p: select a from t order by ⟦a⟧, b desc",
      "p: select a from t order by a, ⟦b desc⟧",
      "p: select a from t limit ⟦$⟧",
      "p: select a from t ⟦for update skip locked⟧",
      "p: select a from t for update ⟦skip locked⟧",
    ]);
  });

  it("are the branches of a case, the choice among values, and what a conflict leads to", () => {
    const sql =
      "insert into t (a) values (case b when 'x' then coalesce(c, 1) else 2 end) on conflict do nothing";
    expect(Object.keys(without(sql))).toEqual([
      "case b when ⟦'x'⟧ never",
      "case b when ⟦'x'⟧ always",
      "coalesce (⟦c⟧, 1)",
      "coalesce (c, ⟦1⟧)",
      "insert t ⟦on conflict do nothing⟧",
    ]);
  });

  it("are one guard where a statement repeats itself", () => {
    const sql = "select a from t where k = ? union all select a from t where k = ?";
    expect(without(sql)).toEqual({
      "select a from t where ⟦k = ?⟧": [
        "select a from t where (k = ? or true) union all select a from t where (k = ? or true)",
      ],
    });
  });

  it("are refused where they are not understood", () => {
    expect(() => guardsOf("select a from t where b between 1 and 2")).toThrow(/between/);
  });
});

describe("a statement that no test sends", () => {
  it("is told, with the place of each of its pieces", () => {
    const unsent = unsentFragments("src/adapters/sqlite", []);
    const sent = "delete from waybill_parked where at < ?";
    expect(unsent.map(({ text }) => text)).toContain(sent);
    expect(unsentFragments("src/adapters/sqlite", [sent])).toEqual(
      unsent.filter(({ text }) => !sent.includes(text)),
    );
  });
});

describe("the guard of a write, on SQLite", () => {
  let engine: Engine | null = null;
  afterAll(() => engine?.close());

  it("is missed, each condition of it", async () => {
    vi.spyOn(console, "info").mockImplementation(() => undefined);
    engine = sqliteEngine();
    const tests = engine.tests.filter(({ title }) => /^(write guard|write effect) > /.test(title));
    const some = { ...engine, tests };
    const baseline = await baselineOf(some);
    const guards = baseline.guards.filter(({ key }) =>
      / where .*waybill_job\.id = w\.value.*lease_until/.test(key),
    );
    expect(guards.length).toBeGreaterThan(8);
    for (const guard of guards) {
      const { caughtBy, unreadable } = await judge(some, baseline, guard);
      expect(caughtBy, guard.key).not.toBeNull();
      expect(unreadable).toEqual([]);
    }
  }, 120_000);
});
