import { readFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";
import { MEMORY_DELETIONS } from "./memory-deletions.js";
import { MEMORY_FOLDER, type MemoryMutation, placeOf } from "./memory-engine.js";

/** The parts of the memory store that decide what it keeps and what it answers. */
const FILES = ["store-semantics.ts", "store.ts", "store-queries.ts", "store-table.ts"] as const;

/** The deletions that are written down: whole clauses, and what a change writes. */
export function givenMutations(): readonly MemoryMutation[] {
  return MEMORY_DELETIONS.map((deletion) => {
    const source = readFileSync(join(MEMORY_FOLDER, deletion.file), "utf8");
    const { start, end } = placeOf(deletion, source);
    const key = `${deletion.file}: ${deletion.clause} → ${deletion.without}`;
    return { key, file: deletion.file, start, end, text: deletion.without };
  });
}

/**
 * Every condition (of an `if`, a `?:`, either side of `&&` and `||`), once as if it always held and once as if it never
 * did: a condition that is new is here without anybody's doing.
 */
export function conditionMutations(): readonly MemoryMutation[] {
  return FILES.flatMap((file) => {
    const source = readFileSync(join(MEMORY_FOLDER, file), "utf8");
    const parsed = ts.createSourceFile(file, source, ts.ScriptTarget.ES2022, true);
    const seen = new Map<string, number>();
    return conditionsOf(parsed).flatMap((node) => {
      const [start, end] = [node.getStart(), node.getEnd()];
      const plain = node.getText().replace(/\s+/g, " ");
      const count = (seen.get(plain) ?? 0) + 1;
      seen.set(plain, count);
      const key = `${file}: ${plain}${count === 1 ? "" : ` #${String(count)}`}`;
      return (["true", "false"] as const).map((text) => ({
        key: `${key} → ${text}`,
        file,
        start,
        end,
        text,
      }));
    });
  });
}

function conditionsOf(parsed: ts.SourceFile): readonly ts.Node[] {
  const found: ts.Node[] = [];
  const add = (condition: ts.Expression): void => {
    if (!isJoin(condition)) found.push(condition);
  };
  const visit = (node: ts.Node): void => {
    if (ts.isIfStatement(node)) add(node.expression);
    if (ts.isConditionalExpression(node)) add(node.condition);
    if (isJoin(node)) {
      add(node.left);
      add(node.right);
    }
    ts.forEachChild(node, visit);
  };
  visit(parsed);
  return found;
}

function isJoin(node: ts.Node): node is ts.BinaryExpression {
  if (!ts.isBinaryExpression(node)) return false;
  const { kind } = node.operatorToken;
  return kind === ts.SyntaxKind.AmpersandAmpersandToken || kind === ts.SyntaxKind.BarBarToken;
}
