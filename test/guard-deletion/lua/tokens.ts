/** A name, a literal or a symbol of a script. */
export interface LuaToken {
  readonly kind: "name" | "keyword" | "number" | "string" | "symbol";
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

const KEYWORDS: ReadonlySet<string> = new Set(
  (
    "and break do else elseif end false for function if in local nil not or repeat return then true until " +
    "while"
  ).split(" "),
);

const SPACE = /(?:\s|--\[\[[\s\S]*?\]\]|--(?!\[\[)[^\n]*)+/y;
const TOKEN =
  /(?<name>[A-Za-z_]\w*)|(?<number>\d+(?:\.\d+)?)|(?<string>'(?:[^'\\\n]|\\[\s\S])*'|"(?:[^"\\\n]|\\[\s\S])*")|(?<symbol>\.\.\.|\.\.|==|~=|<=|>=|[-+*/%^#<>=(){}[\];:,.])/y;

/** The tokens of a script: the Lua that the stores speak, and no more (no long strings, no hexadecimal numbers). */
export function tokensOf(source: string): readonly LuaToken[] {
  const tokens: LuaToken[] = [];
  for (let at = 0; at < source.length;) {
    SPACE.lastIndex = at;
    at += SPACE.exec(source)?.[0].length ?? 0;
    if (at >= source.length) break;
    TOKEN.lastIndex = at;
    const match = TOKEN.exec(source);
    if (match === null) throw new Error(`no token at ${source.slice(at, at + 40)}`);
    const [text] = match;
    const groups: Readonly<Partial<Record<string, string>>> = match.groups ?? {};
    const kind = Object.keys(groups).find((name) => groups[name] !== undefined) ?? "symbol";
    tokens.push({ kind: kindOf(kind, text), text, start: at, end: at + text.length });
    at += text.length;
  }
  return tokens;
}

function kindOf(group: string, text: string): LuaToken["kind"] {
  if (group === "name") return KEYWORDS.has(text) ? "keyword" : "name";
  return group === "number" || group === "string" ? group : "symbol";
}
