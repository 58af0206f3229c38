import { readFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";
import { expect, it } from "vitest";

const repository = join(import.meta.dirname, "../..");

/** What an application or an adapter passes: options, filters, what handlers answer, facts of errors; and what tests ask for. */
const GIVEN =
  /Options?$|Filter$|^SubmitItem$|^Poll(Open|Done|Failed)$|Implementation$|^ErrorFacts$|^FaultRule$|^RandomFaults$|SuiteFactory$/;
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
    // What defineJob and handle take has no name among the exports.
    .concat(
      "src/core/define/job-options.ts",
      "src/core/define/handler.ts",
      "src/core/define/handler-context.ts",
    )
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

/** What may be left out of a type and of the objects that are written out within it, by path. */
function optional(checker: ts.TypeChecker, type: ts.Type, path: string): [string, ts.TypeNode][] {
  const parts = type.isUnion() ? type.types : [type];
  return parts.flatMap((part) =>
    checker.getPropertiesOfType(part).flatMap((property): [string, ts.TypeNode][] => {
      const { valueDeclaration: declared } = property;
      if (declared === undefined || !ts.isPropertySignature(declared) || !declared.type) return [];
      const place = `${path}.${property.name}`;
      const nodes = ts.isUnionTypeNode(declared.type) ? declared.type.types : [declared.type];
      const inner = nodes
        .filter((node) => ts.isTypeLiteralNode(node))
        .flatMap((node) => optional(checker, checker.getTypeFromTypeNode(node), place));
      const own = (property.flags & ts.SymbolFlags.Optional) !== 0 && !NEVER_UNDEFINED.has(property.name);
      return own ? [[place, declared.type], ...inner] : inner;
    }),
  );
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
  const found = given.flatMap((symbol) =>
    optional(checker, checker.getDeclaredTypeOfSymbol(symbol), symbol.name),
  );
  expect(found.map(([place]) => place)).toEqual(
    expect.arrayContaining(["TrackingImplementation.pollEveryMs", "RetryOption.maxAttempts"]),
  );
  const refusing = found
    .filter(([, node]) => !takesUndefined(checker.getTypeFromTypeNode(node)))
    .map(([place]) => place);
  expect([...new Set(refusing)]).toEqual([]);
});
