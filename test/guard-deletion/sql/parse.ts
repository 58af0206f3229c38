/** A word, a literal, a parameter or a symbol of a statement. */
export interface Token {
  readonly text: string;
  /** Lower case. */
  readonly word: string;
  readonly start: number;
  readonly end: number;
}

/** What stands in brackets, or between `case` and `end`; the brackets are no part of `nodes`. */
export interface Group {
  readonly open: string;
  readonly nodes: readonly Node[];
  readonly start: number;
  readonly end: number;
}

export type Node = Token | Group;

export function isGroup(node: Node | undefined): node is Group {
  return node !== undefined && "nodes" in node;
}

/** The word or symbol that a node is; `""`: it is a group. */
export function wordOf(node: Node | undefined): string {
  return node === undefined || isGroup(node) ? "" : node.word;
}

const TOKEN =
  /'(?:[^']|'')*'|"(?:[^"]|"")*"|\$\d+|\d+(?:\.\d+)?|[a-z_][a-z0-9_]*|::|\|\||->>|->|@>|<=|>=|<>|!=|\S/giy;
const CLOSES: Readonly<Record<string, string>> = { "(": ")", "[": "]", case: "end" };

function tokensOf(sql: string): readonly Token[] {
  const tokens: Token[] = [];
  for (let at = 0; at < sql.length;) {
    const space = /\s+/y;
    space.lastIndex = at;
    at += space.exec(sql)?.[0].length ?? 0;
    if (at >= sql.length) break;
    TOKEN.lastIndex = at;
    const text = TOKEN.exec(sql)?.[0];
    if (text === undefined) throw new Error(`no token at ${sql.slice(at, at + 40)}`);
    tokens.push({ text, word: text.toLowerCase(), start: at, end: at + text.length });
    at += text.length;
  }
  return tokens;
}

/** A statement as a tree of its brackets. It knows the SQL that the stores speak, and no more. */
export function parse(sql: string): readonly Node[] {
  const tokens = tokensOf(sql);
  let next = 0;
  const level = (close: string | null): Node[] => {
    const nodes: Node[] = [];
    for (let token = tokens[next]; token !== undefined; token = tokens[next]) {
      if (token.word === close) return nodes;
      next += 1;
      const closes = CLOSES[token.word];
      if (closes === undefined) {
        nodes.push(token);
        continue;
      }
      const inner = level(closes);
      const end = tokens[next]?.end;
      if (end === undefined) throw new Error(`"${token.text}" is not closed in ${sql}`);
      next += 1;
      nodes.push({ open: token.word, nodes: inner, start: token.start, end });
    }
    if (close !== null) throw new Error(`"${close}" is missing in ${sql}`);
    return nodes;
  };
  return level(null);
}

/** Splits nodes of one level at a word or a comma. */
export function splitAt(nodes: readonly Node[], separator: string): readonly (readonly Node[])[] {
  const parts: Node[][] = [[]];
  for (const node of nodes) {
    if (wordOf(node) === separator) parts.push([]);
    else parts[parts.length - 1]!.push(node);
  }
  return parts;
}
