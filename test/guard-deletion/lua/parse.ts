import { type LuaToken, tokensOf } from "./tokens.js";

/** An expression, as far as guards are in it. */
export interface Expression {
  readonly kind: "or" | "and" | "not" | "compare" | "paren" | "call" | "string" | "other";
  readonly start: number;
  readonly end: number;
  /** Of `and` and `or` all operands of the chain; of a call its arguments. */
  readonly parts: readonly Expression[];
  /** Of a call what is called, of a text what it says. */
  readonly text: string;
}

/** A place in a script where an expression stands by itself. */
export interface Site {
  /** What the expression decides: a branch, a loop, where a count ends, or nothing by itself. */
  readonly role: "if" | "while" | "bound" | "value";
  /** The function that it is in; `null`: none. */
  readonly owner: string | null;
  readonly expression: Expression;
}

const COMPARISONS: ReadonlySet<string> = new Set(["==", "~=", "<", "<=", ">", ">="]);
const BINARY: Readonly<Record<string, number>> = {
  or: 1,
  and: 2,
  "==": 3,
  "~=": 3,
  "<": 3,
  "<=": 3,
  ">": 3,
  ">=": 3,
  "..": 4,
  "+": 5,
  "-": 5,
  "*": 6,
  "/": 6,
  "%": 6,
  "^": 8,
};
const UNARY_STRENGTH = 7;
const ENDS_BLOCK: ReadonlySet<string> = new Set(["end", "else", "elseif", "until"]);

/** Every place of an expression in a script, in the order of its text. @throws Error at what is not understood */
export function sitesOf(source: string): readonly Site[] {
  const parser = new Parser(source);
  parser.block();
  parser.expectEnd();
  return parser.sites;
}

class Parser {
  readonly sites: Site[] = [];
  readonly #source: string;
  readonly #tokens: readonly LuaToken[];
  readonly #owners: string[] = [];
  #at = 0;

  constructor(source: string) {
    this.#source = source;
    this.#tokens = tokensOf(source);
  }

  block(): void {
    while (this.#at < this.#tokens.length && !ENDS_BLOCK.has(this.#word())) this.#statement();
  }

  expectEnd(): void {
    if (this.#at < this.#tokens.length) throw this.#unexpected();
  }

  #word(ahead = 0): string {
    return this.#tokens[this.#at + ahead]?.text ?? "";
  }

  #next(): LuaToken {
    const token = this.#tokens[this.#at];
    if (token === undefined) throw new Error("the script ends too early");
    this.#at += 1;
    return token;
  }

  #expect(text: string): LuaToken {
    if (this.#word() !== text) throw this.#unexpected();
    return this.#next();
  }

  #accept(text: string): boolean {
    if (this.#word() !== text) return false;
    this.#at += 1;
    return true;
  }

  #unexpected(): Error {
    const at = this.#tokens[this.#at]?.start ?? this.#source.length;
    return new Error(`not understood: ${this.#source.slice(at, at + 60)}`);
  }

  #site(role: Site["role"], expression: Expression): void {
    this.sites.push({ role, owner: this.#owners[this.#owners.length - 1] ?? null, expression });
  }

  #statement(): void {
    const word = this.#word();
    if (word === ";" || word === "break") this.#at += 1;
    else if (word === "if") this.#if();
    else if (word === "while") {
      this.#at += 1;
      this.#site("while", this.expression());
      this.#body("do");
    } else if (word === "for") this.#for();
    else if (word === "local") this.#local();
    else if (word === "return") {
      this.#at += 1;
      const isEmpty = this.#at >= this.#tokens.length || ENDS_BLOCK.has(this.#word());
      if (!isEmpty) this.#values();
    } else this.#assignmentOrCall();
  }

  #if(): void {
    do {
      this.#at += 1;
      this.#site("if", this.expression());
      this.#expect("then");
      this.block();
    } while (this.#word() === "elseif");
    if (this.#accept("else")) this.block();
    this.#expect("end");
  }

  #for(): void {
    this.#at += 1;
    this.#next();
    if (this.#accept("=")) {
      this.#site("value", this.expression());
      this.#expect(",");
      this.#site("bound", this.expression());
      if (this.#accept(",")) this.#site("value", this.expression());
    } else {
      while (this.#accept(",")) this.#next();
      this.#expect("in");
      this.#values();
    }
    this.#body("do");
  }

  #local(): void {
    this.#at += 1;
    if (this.#accept("function")) {
      this.#function(this.#next().text);
      return;
    }
    do this.#next();
    while (this.#accept(","));
    if (this.#accept("=")) this.#values();
  }

  #assignmentOrCall(): void {
    const first = this.#suffixed();
    if (first.kind === "call") {
      this.#site("value", first);
      return;
    }
    while (this.#accept(",")) this.#suffixed();
    this.#expect("=");
    this.#values();
  }

  #values(): void {
    do this.#site("value", this.expression());
    while (this.#accept(","));
  }

  #body(opens: string): void {
    this.#expect(opens);
    this.block();
    this.#expect("end");
  }

  /** @param name - `null`: it has none, and belongs to the one around it */
  #function(name: string | null): void {
    if (name !== null) this.#owners.push(name);
    this.#expect("(");
    while (!this.#accept(")")) this.#at += 1;
    this.block();
    this.#expect("end");
    if (name !== null) this.#owners.pop();
  }

  expression(strength = 0): Expression {
    let left = this.#operand();
    for (;;) {
      const operator = this.#word();
      const binds = BINARY[operator] ?? 0;
      if (binds <= strength) return left;
      this.#at += 1;
      // Texts and powers are put together from the right.
      const right = this.expression(operator === ".." || operator === "^" ? binds - 1 : binds);
      left = joined(operator, left, right);
    }
  }

  #operand(): Expression {
    const { start } = this.#tokens[this.#at] ?? { start: 0 };
    const word = this.#word();
    if (word !== "not" && word !== "-" && word !== "#") return this.#simple();
    this.#at += 1;
    const inner = this.expression(UNARY_STRENGTH);
    return { kind: word === "not" ? "not" : "other", start, end: inner.end, parts: [inner], text: word };
  }

  #simple(): Expression {
    const token = this.#tokens[this.#at];
    if (token === undefined) throw this.#unexpected();
    if (token.text === "{") return this.#table();
    if (token.text === "function") {
      this.#at += 1;
      this.#function(null);
      return this.#plain(token.start, []);
    }
    if (token.kind === "name" || token.text === "(") return this.#suffixed();
    this.#at += 1;
    if (token.kind === "string")
      return { ...token, kind: "string", parts: [], text: token.text.slice(1, -1) };
    if (token.kind !== "number" && !["nil", "true", "false", "..."].includes(token.text)) {
      this.#at -= 1;
      throw this.#unexpected();
    }
    return this.#plain(token.start, []);
  }

  #plain(start: number, parts: readonly Expression[]): Expression {
    const { end } = this.#tokens[this.#at - 1]!;
    return { kind: "other", start, end, parts, text: "" };
  }

  #table(): Expression {
    const { start } = this.#expect("{");
    const parts: Expression[] = [];
    while (this.#word() !== "}") {
      if (this.#accept("[")) {
        parts.push(this.expression());
        this.#expect("]");
        this.#expect("=");
      } else if (this.#word(1) === "=") this.#at += 2;
      parts.push(this.expression());
      if (!this.#accept(",")) break;
    }
    this.#expect("}");
    return this.#plain(start, parts);
  }

  #suffixed(): Expression {
    const { start } = this.#tokens[this.#at]!;
    let found: Expression;
    if (this.#accept("(")) {
      const inner = this.expression();
      this.#expect(")");
      found = { ...this.#plain(start, [inner]), kind: "paren" };
    } else {
      if (this.#next().kind !== "name") {
        this.#at -= 1;
        throw this.#unexpected();
      }
      found = this.#plain(start, []);
    }
    for (;;) {
      const word = this.#word();
      if (word === ".") {
        this.#at += 2;
        found = this.#plain(start, found.parts);
      } else if (word === "[") {
        this.#at += 1;
        const key = this.expression();
        this.#expect("]");
        found = this.#plain(start, [...(found.kind === "paren" ? [found] : found.parts), key]);
      } else if (word === "(") {
        const text = this.#source.slice(start, this.#tokens[this.#at - 1]!.end);
        found = { ...this.#plain(start, this.#arguments()), kind: "call", text, end: this.#ended() };
      } else return found;
    }
  }

  #ended(): number {
    return this.#tokens[this.#at - 1]!.end;
  }

  #arguments(): readonly Expression[] {
    const parts: Expression[] = [];
    this.#expect("(");
    if (this.#accept(")")) return parts;
    do parts.push(this.expression());
    while (this.#accept(","));
    this.#expect(")");
    return parts;
  }
}

/** A chain of one operator is one expression. */
function joined(operator: string, left: Expression, right: Expression): Expression {
  const bounds = { start: left.start, end: right.end, text: operator };
  if (operator === "and" || operator === "or") {
    const parts = left.kind === operator ? [...left.parts, right] : [left, right];
    return { ...bounds, kind: operator, parts };
  }
  return { ...bounds, kind: COMPARISONS.has(operator) ? "compare" : "other", parts: [left, right] };
}
