import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";

/** Where what fails is caught: a `catch` clause, or a function that a promise calls when it is rejected. */
export interface CatchBranch {
  /** By the function around it and the order in there: it stays the same while lines move. */
  readonly id: string;
  readonly file: string;
  readonly line: number;
  /** The function or method around it, which keeps its name when lines move. */
  readonly inside: string;
  /** What is inserted, and where, so that a run tells whether it came here. */
  readonly marks: readonly { readonly at: number; readonly text: string }[];
}

export const CATCH_FOLDERS = [
  "src/core",
  "src/adapters/memory",
  "src/adapters/sqlite",
  "src/adapters/postgres",
] as const;

/** What a run that is watched has as `globalThis.waybillCaught`. */
export interface Caught {
  at(id: string): void;
  on<T extends (...given: never[]) => unknown>(id: string, handler: T): T;
}

/** Every catch branch of the library's core and of the stores that are its own. */
export function allCatches(): readonly CatchBranch[] {
  return CATCH_FOLDERS.flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".ts"))
      .sort()
      .map((name) => join(folder, name))
      .flatMap((file) => catchesOf(file, readFileSync(file, "utf8"))),
  );
}

function catchesOf(file: string, source: string): readonly CatchBranch[] {
  const parsed = ts.createSourceFile(file, source, ts.ScriptTarget.ES2022, true);
  const found: CatchBranch[] = [];
  const branch = (node: ts.Node, marks: (id: string) => CatchBranch["marks"]): void => {
    const { line } = parsed.getLineAndCharacterOfPosition(node.getStart());
    const inside = nameAround(node);
    const order = found.filter((each) => each.inside === inside).length + 1;
    const id = `${file} ${inside} ${String(order)}`;
    found.push({ id, file, line: line + 1, inside, marks: marks(id) });
  };
  const visit = (node: ts.Node): void => {
    if (ts.isCatchClause(node)) {
      const at = node.block.getStart() + 1;
      branch(node, (id) => [{ at, text: `globalThis.waybillCaught?.at(${JSON.stringify(id)});` }]);
    }
    const handler = rejectionHandlerOf(node);
    if (handler !== null) {
      // A handler may be a function that has a name and other callers: the call of it from here is what counts.
      branch(handler, (id) => [
        {
          at: handler.getStart(),
          text: `(globalThis.waybillCaught?.on ?? ((_, f) => f))(${JSON.stringify(id)}, `,
        },
        { at: handler.getEnd(), text: ")" },
      ]);
    }
    ts.forEachChild(node, visit);
  };
  visit(parsed);
  return found;
}

/** The source with its marks: it does the same, and tells of each catch that it comes to. */
export function markCatches(file: string, source: string): string {
  const marks = catchesOf(file, source).flatMap((branch) => branch.marks);
  // From the end, so that what comes before stays where it is; of two at one place the later stands inside.
  const ordered = marks
    .map((mark, order) => ({ ...mark, order }))
    .sort((a, b) => b.at - a.at || b.order - a.order);
  let marked = source;
  for (const { at, text } of ordered) marked = marked.slice(0, at) + text + marked.slice(at);
  return marked;
}

/** The last argument of `.catch(f)` and of `.then(g, f)`; `null`: this is neither. */
function rejectionHandlerOf(node: ts.Node): ts.Expression | null {
  if (!ts.isCallExpression(node) || !ts.isPropertyAccessExpression(node.expression)) return null;
  const { text: name } = node.expression.name;
  const handler = name === "catch" ? node.arguments[0] : name === "then" ? node.arguments[1] : undefined;
  return handler ?? null;
}

function nameAround(node: ts.Node): string {
  for (let at = node; !ts.isSourceFile(at); at = at.parent) {
    if (ts.isConstructorDeclaration(at)) return "constructor";
    if (ts.isFunctionDeclaration(at) || ts.isMethodDeclaration(at) || ts.isPropertyDeclaration(at)) {
      return at.name?.getText() ?? "";
    }
    if (ts.isVariableDeclaration(at) && ts.isSourceFile(at.parent.parent.parent)) return at.name.getText();
  }
  return "";
}
