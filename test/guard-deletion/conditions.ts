import ts from "typescript";

/** A condition of a source file. */
export interface SourceCondition {
  readonly key: string;
  readonly start: number;
  readonly end: number;
}

/**
 * Every condition of a file (of an `if`, a `?:`, either side of `&&` and `||`): one that is new is here without anybody's
 * doing.
 */
export function conditionsIn(file: string, source: string): readonly SourceCondition[] {
  const parsed = ts.createSourceFile(file, source, ts.ScriptTarget.ES2022, true);
  const seen = new Map<string, number>();
  return conditionsOf(parsed).map((node) => {
    const plain = node.getText().replace(/\s+/g, " ");
    const count = (seen.get(plain) ?? 0) + 1;
    seen.set(plain, count);
    const key = `${file}: ${plain}${count === 1 ? "" : ` #${String(count)}`}`;
    return { key, start: node.getStart(), end: node.getEnd() };
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

/** What the conditions of a switched source ask before themselves. */
type Forced = (condition: string) => boolean | undefined;

const SWITCH = "waybillForcedCondition";

/** The source with each condition behind a switch: one build has all of its mutations. */
export function withSwitches(file: string, source: string): string {
  const inserts = conditionsIn(file, source).flatMap(({ key, start, end }) => [
    { at: start, isEnd: false, length: end - start, text: `(${SWITCH}(${JSON.stringify(key)}) ?? (` },
    { at: end, isEnd: true, length: end - start, text: "))" },
  ]);
  // At one place: what ends comes first, an inner one before the outer one; what begins the other way round.
  inserts.sort(
    (a, b) =>
      a.at - b.at ||
      Number(b.isEnd) - Number(a.isEnd) ||
      (a.isEnd ? a.length - b.length : b.length - a.length),
  );
  let text = "";
  let from = 0;
  for (const { at, text: inserted } of inserts) {
    text += source.slice(from, at) + inserted;
    from = at;
  }
  return text + source.slice(from);
}

/** Sets what the switches of this process say. */
export function setSwitches(forced: Forced): void {
  Object.assign(globalThis, { [SWITCH]: forced });
}
