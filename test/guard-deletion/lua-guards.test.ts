import { describe, expect, it } from "vitest";
import { luaGuardsOf } from "./lua/guards.js";
import { tokensOf } from "./lua/tokens.js";
import { edited } from "./sql/guards.js";

const SCRIPT = { name: "SCRIPT", sharedChars: 0 };

/** Each guard of a script with the script that is left without it. */
function without(source: string, script = SCRIPT): Readonly<Record<string, string>> {
  return Object.fromEntries(
    luaGuardsOf(source, script).map(({ key, ways }) => [key, edited(source, ways[0] ?? [])]),
  );
}

describe("the tokens of a script", () => {
  it("are words, numbers, texts and symbols, without spaces and comments", () => {
    const tokens = tokensOf("local a='it''s \\' if' -- if not\nreturn a..\"\\\"\" --[[ or\n]] ~=0.5");
    expect(tokens.map(({ kind, text }) => [kind, text])).toEqual([
      ["keyword", "local"],
      ["name", "a"],
      ["symbol", "="],
      ["string", "'it'"],
      ["string", "'s \\' if'"],
      ["keyword", "return"],
      ["name", "a"],
      ["symbol", ".."],
      ["string", '"\\""'],
      ["symbol", "~="],
      ["number", "0.5"],
    ]);
  });

  it("are refused where they are not understood", () => {
    expect(() => tokensOf("local a='no end")).toThrow(/no token at 'no end/);
  });
});

describe("the guards of a script", () => {
  it("are the conditions of branches and loops, always and never", () => {
    expect(without("if a then b() elseif c then d() end while e do f() end")).toEqual({
      "SCRIPT: if ⟦a⟧ always": "if true then b() elseif c then d() end while e do f() end",
      "SCRIPT: if ⟦a⟧ never": "if false then b() elseif c then d() end while e do f() end",
      "SCRIPT: if ⟦c⟧ always": "if a then b() elseif true then d() end while e do f() end",
      "SCRIPT: if ⟦c⟧ never": "if a then b() elseif false then d() end while e do f() end",
      "SCRIPT: while ⟦e⟧ always": "if a then b() elseif c then d() end while true do f() end",
      "SCRIPT: while ⟦e⟧ never": "if a then b() elseif c then d() end while false do f() end",
    });
  });

  it("are what must hold, taken to hold, and what may hold instead, taken not to", () => {
    const found = without("if a and not (b or c==1) then d() end");
    expect(found["SCRIPT: if ⟦a⟧ and not (b or c==1)"]).toBe("if true and not (b or c==1) then d() end");
    expect(found["SCRIPT: if a and ⟦not (b or c==1)⟧"]).toBe("if a and true then d() end");
    expect(found["SCRIPT: if a and not (⟦b⟧ or c==1)"]).toBe("if a and not (false or c==1) then d() end");
    expect(found["SCRIPT: if a and not (b or ⟦c==1⟧)"]).toBe("if a and not (b or false) then d() end");
    expect(Object.keys(found)).toHaveLength(6);
  });

  it("are what a value is chosen by, and not the values", () => {
    expect(without("local a=b and c or d return e and f(g)")).toEqual({
      "SCRIPT: ⟦b and c⟧ or d": "local a=false or d return e and f(g)",
      "SCRIPT: ⟦b⟧ and c or d": "local a=true and c or d return e and f(g)",
      "SCRIPT: b and c or ⟦d⟧": "local a=b and c or false return e and f(g)",
      "SCRIPT: ⟦e⟧ and f(g)": "local a=b and c or d return true and f(g)",
    });
  });

  it("are comparisons that are given to another place", () => {
    expect(without("show(a=='1') return b and c==d")).toEqual({
      "SCRIPT: ⟦a=='1'⟧ → true": "show(true) return b and c==d",
      "SCRIPT: ⟦a=='1'⟧ → false": "show(false) return b and c==d",
      "SCRIPT: ⟦b⟧ and c==d": "show(a=='1') return true and c==d",
      "SCRIPT: b and ⟦c==d⟧": "show(a=='1') return b and true",
    });
  });

  it("are bounds, limits, options and conditions of commands", () => {
    const sent = "C('ZRANGEBYSCORE',k,'-inf',now,'LIMIT',0,n) C('SET',k,v,'PX',ms,'NX') C('HSETNX',k,f,v)";
    const found = Object.values(without(sent));
    expect(found).toEqual([
      sent.replace(",now,", ",'+inf',"),
      sent.replace("0,n)", "0,-1)"),
      sent.replace(",'PX',ms", ""),
      sent.replace(",'NX'", ""),
      sent.replace("HSETNX", "HSET"),
    ]);
  });

  it("are where a count ends, and either of what is the least", () => {
    expect(without("for i=1,n do f(math.min(a,b)) end for i=1,#list do g() end")).toEqual({
      "SCRIPT: for ⟦n⟧": "for i=1,(n)+1000 do f(math.min(a,b)) end for i=1,#list do g() end",
      "SCRIPT: math.min(⟦a⟧,b)": "for i=1,n do f(math.min(b)) end for i=1,#list do g() end",
      "SCRIPT: math.min(a,⟦b⟧)": "for i=1,n do f(math.min(a)) end for i=1,#list do g() end",
    });
  });

  it("are called by their function, in whichever script it stands, and told apart by number", () => {
    const shared = "local function f(a) if a then return 1 end end if b then c() end ";
    const keys = Object.keys(
      without(`${shared}if d then f() end if d then f() end`, {
        ...SCRIPT,
        sharedChars: shared.length,
      }),
    );
    expect(keys.filter((key) => key.includes("always"))).toEqual([
      "f: if ⟦a⟧ always",
      "every script: if ⟦b⟧ always",
      "SCRIPT: if ⟦d⟧ always",
      "SCRIPT: if ⟦d⟧ always #2",
    ]);
  });

  it.each(["if a then", "local a=", "for i=1 do end", "a b", "return (a"])("are refused in %j", (source) => {
    expect(() => luaGuardsOf(source, SCRIPT)).toThrow(/not understood|too early/);
  });
});
