// The linter's rule as it is configured for the engine, put to lines that must not be written there.
import { ESLint, Linter } from "eslint";
import { expect, it } from "vitest";

const RULE = "no-restricted-syntax";

async function refused(path: string, code: string): Promise<readonly string[]> {
  const config = (await new ESLint().calculateConfigForFile(path)) as {
    rules: Record<string, Linter.RuleEntry>;
  };
  const found = new Linter().verify(code, { rules: { [RULE]: config.rules[RULE]! } });
  return found.map(({ message }) => message);
}

it.each([
  "core.gateway.write(item);",
  "gateway.write(item);",
  "class A { #gateway; run(item) { return this.#gateway.write(item); } }",
  "const { write } = core.gateway;",
  "const { read, write: now } = gateway;",
])("refuses a second way to change a record: %s", async (code) => {
  for (const path of ["src/core/engine/submit/submit.ts", "src/core/create-waybill.ts"]) {
    expect(await refused(path, code)).toHaveLength(1);
  }
});

it("lets the write path write, and everybody read", async () => {
  expect(await refused("src/core/engine/store/apply.ts", "core.gateway.write(item);")).toEqual([]);
  expect(await refused("src/core/engine/read/reads.ts", "core.gateway.read(id);")).toEqual([]);
});
