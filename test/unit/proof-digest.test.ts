import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { version } from "esbuild";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { formOf, InputFiles, type Inputs } from "../../scripts/proof/inputs.js";
import { NORMAL_FORM, normalForm } from "../../scripts/proof/normal-form.js";

const FILES: Readonly<Record<string, string>> = {
  "src/main.ts":
    'import { guard } from "./guard.js";\n\nexport const run = (at: number): boolean => guard(at);\n',
  "src/guard.ts":
    "const SQL = `\n  select 1 -- one\n`;\nexport function guard(at: number): boolean {\n  return SQL !== '' && at > 1;\n}\n",
  "src/aside.ts": "export const aside = 1;\n",
  "src/notes.md": "a note\n",
};
const FOLDER: Inputs = { paths: ["src"] };
const IMPORTS: Inputs = { imports: "src/main.ts" };

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "waybill-proof-"));
  execFileSync("git", ["init", "--quiet"], { cwd: root });
  for (const [file, text] of Object.entries(FILES)) write(file, text);
  execFileSync("git", ["add", "."], { cwd: root });
});
afterEach(() => {
  rmSync(root, { recursive: true, force: true });
});

function write(file: string, text: string): void {
  mkdirSync(dirname(join(root, file)), { recursive: true });
  writeFileSync(join(root, file), text);
}

function change(file: string, from: string, to: string): void {
  const text = readFileSync(join(root, file), "utf8");
  expect(text).toContain(from);
  write(file, text.replace(from, to));
}

function digest(inputs: Inputs = FOLDER): string {
  return new InputFiles(root).digestOf(inputs);
}

function form(text: string, file = "a.ts"): string {
  return String(normalForm(file, Buffer.from(text)));
}

describe("the digest of a proof", () => {
  it.each([
    ["a comment", "return SQL", "// why\n  return /* and how */ SQL"],
    ["a comment for a tool", "return SQL", "/* v8 ignore next */ // @ts-expect-error\n  return SQL"],
    ["a legal comment", "const SQL", "/*! all rights */\nconst SQL"],
    ["another line break", " && at", "\n    && at"],
    ["another quote", "''", '""'],
    ["a comma too many", "at: number)", "at: number,\n)"],
    ["a type", "at: number", "at: 1 | 2 | 3"],
    ["an interface", "export function", "interface Unused {\n  a: 1;\n}\nexport function"],
  ])("stays the same after %s", (_, from, to) => {
    const before = [digest(), digest(IMPORTS)];
    change("src/guard.ts", from, to);
    expect([digest(), digest(IMPORTS)]).toEqual(before);
  });

  it.each([
    ["an operator", "at > 1", "at >= 1"],
    ["a number", "at > 1", "at > 2"],
    ["a name", "function guard(at: number): boolean {", "function guard(to: number, at = to): boolean {"],
    ["a text", "''", "' '"],
    ["a space in a statement", "select 1", "select  1"],
    ["a comment in a statement", "-- one", "-- two"],
    ["the order of what is done", "SQL !== '' && at > 1", "at > 1 && SQL !== ''"],
  ])("is another after a change of %s", (_, from, to) => {
    const before = [digest(), digest(IMPORTS)];
    change("src/guard.ts", from, to);
    const after = [digest(), digest(IMPORTS)];
    expect(after[0]).not.toBe(before[0]);
    expect(after[1]).not.toBe(before[1]);
  });

  it("is another after a file was added, also before it is committed", () => {
    const before = digest();
    write("src/more.ts", "");
    expect(digest()).not.toBe(before);
  });

  it("is another after a file was removed, also before that is committed", () => {
    const before = digest();
    rmSync(join(root, "src/aside.ts"));
    const after = digest();
    expect(after).not.toBe(before);
    execFileSync("git", ["add", "."], { cwd: root });
    expect(digest()).toBe(after);
  });

  it("is another after a file was renamed", () => {
    const before = digest();
    renameSync(join(root, "src/aside.ts"), join(root, "src/besides.ts"));
    expect(digest()).not.toBe(before);
  });

  it("is another when two files swap what is in them", () => {
    const before = digest();
    write("src/aside.ts", FILES["src/guard.ts"]!);
    write("src/guard.ts", FILES["src/aside.ts"]!);
    expect(digest()).not.toBe(before);
  });

  it("counts every character of a file that is not code", () => {
    const before = digest();
    change("src/notes.md", "a note", "a  note");
    expect(digest()).not.toBe(before);
  });

  it("counts every character of code that is read as text", () => {
    const asText: Inputs = { paths: ["src"], texts: ["src/guard.ts"] };
    const before = [digest(), digest(asText)];
    change("src/aside.ts", "export", "// why\nexport");
    expect([digest(), digest(asText)]).toEqual(before);
    change("src/guard.ts", "export", "// why\nexport");
    expect(digest()).toBe(before[0]);
    expect(digest(asText)).not.toBe(before[1]);
  });

  it("leaves out what is excluded, and what a script does not import", () => {
    const inputs: Inputs = { paths: ["src", ":(exclude)src/aside.ts"] };
    const before = [digest(inputs), digest(IMPORTS)];
    change("src/aside.ts", "1", "2");
    expect([digest(inputs), digest(IMPORTS)]).toEqual(before);
    expect(new InputFiles(root).filesOf(IMPORTS)).toEqual(["src/guard.ts", "src/main.ts"]);
  });

  it("follows an import that is new, also one for a file's effects or its types", () => {
    const before = digest(IMPORTS);
    change("src/main.ts", "export", 'import "./aside.js";\nexport');
    const added = digest(IMPORTS);
    expect(added).not.toBe(before);
    write("src/main.ts", FILES["src/main.ts"]!);
    write("tsconfig.json", '{ "compilerOptions": { "verbatimModuleSyntax": true } }');
    change("src/main.ts", "export", 'import { type Aside } from "./aside.js";\nexport');
    expect(new InputFiles(root).filesOf(IMPORTS)).toContain("src/aside.ts");
  });

  it("names the esbuild that it was made with", () => {
    expect(NORMAL_FORM).toBe(`esbuild@${version}`);
    expect(formOf(digest())).toBe(NORMAL_FORM);
    expect([formOf("873e83772eccd1ae9a69e41c58872380"), formOf(null)]).toEqual([null, null]);
  });
});

describe("the normal form of code", () => {
  it("keeps Lua and SQL in a text as they are", () => {
    const lua = "String.raw`\n-- why\nlocal a = 1  -- [[ two ]]\n`";
    expect(form(`/** Why. */ export const LUA: string = ${lua};`)).toContain(lua);
  });

  it("keeps what looks like a comment inside of a text or an expression", () => {
    expect(form('const a = "/* b */ // c"; const d = /\\/\\*/;')).toContain('"/* b */ // c"');
    expect(form("const d = /\\/\\*/;")).not.toBe(form("const d = /\\/\\//;"));
  });

  it("keeps code that does nothing now", () => {
    expect(form("if (false) stop();")).toContain("stop()");
    expect(form("function unused() { return 1 }")).toContain("unused");
  });

  it("is of JavaScript too, and of modules by any of their names", () => {
    for (const file of ["a.js", "a.mjs", "a.mts", "a.ts", "a.cjs"]) {
      expect(form("// why\nf( 1 );", file)).toBe(form("f(1);", file));
    }
  });

  it("is the text itself where that is no code", () => {
    expect(form("const = ; // why")).toBe("const = ; // why");
    expect(form("-- why\nselect 1", "a.sql")).toBe("-- why\nselect 1");
  });
});
