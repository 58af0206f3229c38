import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import ts from "typescript";

/** A piece of SQL in the source that stood in no statement that a test sent: its guards were never looked at. */
export interface UnsentFragment {
  readonly file: string;
  readonly line: number;
  readonly text: string;
}

/** What a text with a guard has; sentences for people begin with a capital. */
const HAS_GUARD =
  /^(?![A-Z]).*\b(where|when|order by|limit|on conflict|for update|and [a-z_.+(]+ ?(=|<|>|is|in)\b)/s;

/** Tables are not made here, and what is asked of a file or a schema before it is used is no statement on jobs. */
const OTHER_FILES: ReadonlySet<string> = new Set(["schema.ts", "migrate.ts", "open.ts", "errors.ts"]);

/** Guards are found in the statements that are sent; this finds those that are not. */
export function unsentFragments(folder: string, statements: readonly string[]): readonly UnsentFragment[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts") && !OTHER_FILES.has(basename(name)))
    .flatMap((name) => {
      const file = join(folder, name);
      const parsed = ts.createSourceFile(file, readFileSync(file, "utf8"), ts.ScriptTarget.ES2022, true);
      return textsOf(parsed)
        .filter(({ text }) => HAS_GUARD.test(text) && !statements.some((sql) => sql.includes(text)))
        .map(({ node, text }) => {
          const { line } = parsed.getLineAndCharacterOfPosition(node.getStart());
          return { file, line: line + 1, text };
        });
    });
}

/** The texts of a file, those between the holes of a template one by one. */
function textsOf(parsed: ts.SourceFile): readonly { readonly node: ts.Node; readonly text: string }[] {
  const found: { node: ts.Node; text: string }[] = [];
  const visit = (node: ts.Node): void => {
    const isText =
      ts.isStringLiteral(node) ||
      ts.isNoSubstitutionTemplateLiteral(node) ||
      ts.isTemplateHead(node) ||
      ts.isTemplateMiddleOrTemplateTail(node);
    if (isText) found.push({ node, text: node.text });
    ts.forEachChild(node, visit);
  };
  visit(parsed);
  return found;
}
