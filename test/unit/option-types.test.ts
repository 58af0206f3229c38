import { readFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";
import { expect, it } from "vitest";

const repository = join(import.meta.dirname, "../..");

/** What an application passes: options, filters, and what handlers answer. */
const GIVEN = /Options?$|Filter$|^SubmitItem$|^Poll(Open|Done|Failed)$|Implementation$/;
/** Types of a driver's own calls, which its library decides on. */
const OF_DRIVERS = /^Rabbitmq(Publish|Declare)Options$/;
/** `undefined` would mean anybody's, and is refused. */
const NEVER_UNDEFINED = new Set(["owner"]);

function exportsOfEntries(): { readonly checker: ts.TypeChecker; readonly symbols: ReadonlySet<ts.Symbol> } {
  const { exports } = JSON.parse(readFileSync(join(repository, "package.json"), "utf8")) as {
    exports: object;
  };
  const entries = Object.keys(exports)
    .filter((name) => name !== "./package.json")
    .map((name) => `src/${name === "." ? "index" : name.slice(2)}.ts`)
    // What defineJob takes has no name among the exports.
    .concat("src/core/define/job-options.ts")
    .map((path) => join(repository, path));
  const file = ts.readConfigFile(join(repository, "tsconfig.json"), (path) => ts.sys.readFile(path));
  const { options } = ts.parseJsonConfigFileContent(file.config, ts.sys, repository);
  const program = ts.createProgram(entries, options);
  const checker = program.getTypeChecker();
  const symbols = new Set<ts.Symbol>();
  for (const entry of entries) {
    const module = checker.getSymbolAtLocation(program.getSourceFile(entry)!)!;
    for (const symbol of checker.getExportsOfModule(module)) {
      symbols.add(symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol);
    }
  }
  return { checker, symbols };
}

function takesUndefined(type: ts.Type): boolean {
  const some = ts.TypeFlags.Undefined | ts.TypeFlags.Unknown | ts.TypeFlags.Any;
  return (type.flags & some) !== 0 || (type.isUnion() && type.types.some(takesUndefined));
}

it("every option that may be left out may be undefined", { timeout: 120_000 }, () => {
  const { checker, symbols } = exportsOfEntries();
  const given = [...symbols].filter(
    ({ name, flags }) =>
      (flags & (ts.SymbolFlags.Interface | ts.SymbolFlags.TypeAlias)) !== 0 &&
      GIVEN.test(name) &&
      !OF_DRIVERS.test(name),
  );
  expect(given.length).toBeGreaterThan(40);
  const refusing = given.flatMap((symbol) => {
    const type = checker.getDeclaredTypeOfSymbol(symbol);
    const properties = (type.isUnion() ? type.types : [type]).flatMap((each) =>
      checker.getPropertiesOfType(each),
    );
    return properties.flatMap((property) => {
      const { valueDeclaration: declared } = property;
      if (!(property.flags & ts.SymbolFlags.Optional) || NEVER_UNDEFINED.has(property.name)) return [];
      if (declared === undefined || !ts.isPropertySignature(declared) || !declared.type) return [];
      return takesUndefined(checker.getTypeFromTypeNode(declared.type))
        ? []
        : [`${symbol.name}.${property.name}`];
    });
  });
  expect([...new Set(refusing)]).toEqual([]);
});
