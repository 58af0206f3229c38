import type { Edit, Guard } from "../sql/guards.js";
import { type Expression, type Site, sitesOf } from "./parse.js";

/** What is known of a script beside its text. */
export interface ScriptName {
  readonly name: string;
  /** How much of its beginning all scripts share: a guard in there is one, whichever script has it. */
  readonly sharedChars: number;
}

/** What a range takes when it has no bound; arguments are counted from the command. */
const OPEN_BOUNDS: Readonly<Record<string, Readonly<Record<number, string>>>> = {
  ZRANGEBYSCORE: { 2: "'-inf'", 3: "'+inf'" },
  ZREVRANGEBYSCORE: { 2: "'+inf'", 3: "'-inf'" },
  ZRANGEBYLEX: { 2: "'-'", 3: "'+'" },
  ZRANGE: { 2: "0", 3: "-1" },
  ZREVRANGE: { 2: "0", 3: "-1" },
};
/** Commands that write only under a condition, and those that always do. */
const UNCONDITIONAL: Readonly<Record<string, string>> = { HSETNX: "HSET", SETNX: "SET" };
/** Options that narrow what a command does, and how many arguments they take. */
const OPTIONS: Readonly<Record<string, number>> = { NX: 0, XX: 0, GT: 0, LT: 0, KEEPTTL: 0, PX: 1, EX: 1 };
const CHOICES: ReadonlySet<string> = new Set(["math.min", "math.max"]);
/** More than any test has. */
const BEYOND = 1_000;

/** Every guard of a script, in the order of its text. */
export function luaGuardsOf(source: string, script: ScriptName): readonly Guard[] {
  const finder = new Finder(source, script);
  for (const site of sitesOf(source)) finder.site(site);
  return finder.guards;
}

class Finder {
  readonly guards: Guard[] = [];
  readonly #source: string;
  readonly #script: ScriptName;
  readonly #counts = new Map<string, number>();

  constructor(source: string, script: ScriptName) {
    this.#source = source;
    this.#script = script;
  }

  site({ role, owner, expression }: Site): void {
    const top = expression.start < this.#script.sharedChars ? "every script" : this.#script.name;
    const label = `${owner ?? top}:`;
    if (role === "if" || role === "while") {
      const said = `${label} ${role} ${this.#marked(expression, expression)}`;
      this.#add(`${said} always`, edit(expression, "true"));
      this.#add(`${said} never`, edit(expression, "false"));
      this.#decides(expression, { label: `${label} ${role}`, whole: expression });
      return;
    }
    // What is counted up to the length of a list ends with the list.
    const text = this.#text(expression);
    if (role === "bound" && !text.startsWith("#") && expression.kind !== "call") {
      this.#add(`${label} for ⟦${readable(text)}⟧`, edit(expression, `(${text})+${String(BEYOND)}`));
    }
    this.#gives(expression, { label, whole: null });
  }

  #text({ start, end }: Pick<Expression, "start" | "end">): string {
    return this.#source.slice(start, end);
  }

  #add(key: string, ...edits: readonly Edit[]): void {
    if (edits.every((one) => this.#text(one) === one.text)) return;
    const count = (this.#counts.get(key) ?? 0) + 1;
    this.#counts.set(key, count);
    this.guards.push({ key: count === 1 ? key : `${key} #${String(count)}`, ways: [edits] });
  }

  #marked(whole: Expression, { start, end }: Pick<Expression, "start" | "end">): string {
    const before = this.#source.slice(whole.start, start);
    return readable(`${before}⟦${this.#source.slice(start, end)}⟧${this.#source.slice(end, whole.end)}`);
  }

  /** An expression whose value is only asked for being true. */
  #decides(expression: Expression, within: Within): void {
    const { kind, parts } = expression;
    if (kind === "and" || kind === "or") this.#chain(expression, within, () => true);
    else if (kind === "not" || kind === "paren") this.#decides(parts[0]!, within);
    else this.#inner(expression, within);
  }

  /** An expression whose value is used. */
  #gives(expression: Expression, within: Within): void {
    const { kind, parts } = expression;
    if (kind === "paren") this.#gives(parts[0]!, within);
    else if (kind === "and") this.#chain(expression, within, isChoosing(expression));
    else if (kind === "or") this.#chain(expression, within, () => true);
    else {
      if (isAnswer(expression)) {
        const key = `${within.label} ${this.#marked(within.whole ?? expression, expression)}`;
        for (const text of ["true", "false"]) this.#add(`${key} → ${text}`, edit(expression, text));
      }
      this.#inner(expression, within);
    }
  }

  /** What must hold is taken to hold; what may hold instead is taken not to. */
  #chain(chain: Expression, { label, whole }: Within, isGuard: (part: Expression) => boolean): void {
    const within = { label, whole: whole ?? chain };
    for (const part of chain.parts) {
      if (isGuard(part)) {
        const key = `${label} ${this.#marked(within.whole, part)}`;
        this.#add(key, edit(part, chain.kind === "and" ? "true" : "false"));
      }
      // `a and b or c`: what is chosen is no guard, and what it is chosen by is one.
      if (whole === null && part.kind === "and") this.#chain(part, within, isChoosing(part));
      else this.#decides(part, within);
    }
  }

  #inner(expression: Expression, { label }: Within): void {
    if (expression.kind === "call") this.#call(expression, label);
    for (const part of expression.parts) this.#gives(part, { label, whole: null });
  }

  #call(call: Expression, label: string): void {
    if (CHOICES.has(call.text) && call.parts.length > 1) {
      for (const [index, part] of call.parts.entries()) {
        this.#add(`${label} ${this.#marked(call, part)}`, this.#without(call, index, 1));
      }
    }
    const [command] = call.parts;
    if (call.text !== "C" || command?.kind !== "string") return;
    const always = UNCONDITIONAL[command.text];
    if (always !== undefined)
      this.#add(`${label} ${this.#marked(call, command)}`, edit(command, `'${always}'`));
    for (const [index, part] of call.parts.entries()) {
      const open = OPEN_BOUNDS[command.text]?.[index];
      if (open !== undefined && this.#text(part) !== open)
        this.#add(`${label} ${this.#marked(call, part)}`, edit(part, open));
      if (part.kind !== "string" || index === 0) continue;
      const limit = call.parts[index + 2];
      if (part.text === "LIMIT" && limit !== undefined)
        this.#add(`${label} ${this.#marked(call, limit)}`, edit(limit, "-1"));
      const takes = OPTIONS[part.text];
      if (takes !== undefined) {
        const end = call.parts[index + takes]!.end;
        const key = `${label} ${this.#marked(call, { start: part.start, end })}`;
        this.#add(key, this.#without(call, index, takes + 1));
      }
    }
  }

  /** Takes arguments out, with a comma. */
  #without(call: Expression, index: number, count: number): Edit {
    const { parts } = call;
    const last = parts[index + count - 1]!;
    const next = parts[index + count];
    if (next !== undefined) return { start: parts[index]!.start, end: next.start, text: "" };
    return { start: parts[index - 1]!.end, end: last.end, text: "" };
  }
}

interface Within {
  readonly label: string;
  /** The outermost expression that decides: what a key shows. `null`: none yet. */
  readonly whole: Expression | null;
}

function isAnswer({ kind, parts }: Expression): boolean {
  if (kind === "paren") return isAnswer(parts[0]!);
  if (kind === "or") return parts.some(isAnswer);
  if (kind === "and") return isAnswer(parts[parts.length - 1]!);
  return kind === "compare" || kind === "not";
}

/** Of `a and b`: what comes last is what is given where the rest holds, and no guard unless it is an answer itself. */
function isChoosing({ parts }: Expression): (part: Expression) => boolean {
  const last = parts[parts.length - 1];
  return (part) => part !== last || isAnswer(part);
}

function edit({ start, end }: Expression, text: string): Edit {
  return { start, end, text };
}

function readable(text: string): string {
  return text.replace(/\s+/g, " ").trim();
}
