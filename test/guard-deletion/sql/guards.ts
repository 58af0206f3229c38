import { type Group, isGroup, type Node, parse, splitAt, wordOf } from "./parse.js";

/** One change of a statement's text. */
export interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** A part of a statement that keeps rows, their order or their number as they must be. */
export interface Guard {
  /** Where it stands and what it says: the same in every text of a statement. */
  readonly key: string;
  /**
   * How it can be taken out: each way with its edits, one for each time that the statement repeats it. Parameters stay, so
   * that the statement takes as many as before.
   */
  readonly ways: readonly (readonly Edit[])[];
}

const SELECTS: ReadonlySet<string> = new Set(["select", "update", "insert", "delete"]);
const ENDS_WHERE: ReadonlySet<string> = new Set(
  "group order limit offset returning union for on window having ;".split(" "),
);
const ENDS_ON: ReadonlySet<string> = new Set(
  "left right inner cross full join where group order limit offset union returning for on , ;".split(" "),
);
const ENDS_LIST: ReadonlySet<string> = new Set("limit offset for union returning ;".split(" "));
/** Functions that choose among their arguments, as far as they have several, and what none of them ever chooses. */
const CHOOSES: Readonly<Record<string, string>> = {
  greatest: "-1000000000",
  max: "-1000000000",
  least: "9000000000000000",
  min: "9000000000000000",
  coalesce: "null",
};

/**
 * The parts of a statement whose conditions are put together item by item: what they ask for is one guard each, whatever
 * else is asked for beside it.
 */
const COMPOSED = "lane_#: ";
const COMPARES: ReadonlySet<string> = new Set("= < <= > >= in is and or".split(" "));
/** A select of more is one of whole records. */
const MANY_COLUMNS = 4;
/** More rows than any test has. */
const NO_LIMIT = 1_000_000;

/** Every guard of a statement, in the order of its text. */
export function guardsOf(sql: string): readonly Guard[] {
  return new Finder(sql).guards();
}

/** How a piece of SQL reads in a key: on one line, whatever the schema, the lanes and the parameters are called. */
function readable(sql: string): string {
  return sql
    .replace(/\s+/g, " ")
    .replace(/\$\d+/g, "$")
    .replace(/"[a-z0-9_]+"\./g, "")
    .replace(/\blane_\d+/g, "lane_#")
    .replace(/\blane = \d+/g, "lane = #")
    .trim();
}

class Finder {
  readonly #sql: string;
  readonly #found = new Map<string, Edit[][]>();

  constructor(sql: string) {
    this.#sql = sql;
  }

  guards(): readonly Guard[] {
    this.#level(parse(this.#sql), "");
    return [...this.#found].map(([key, ways]) => ({ key, ways }));
  }

  #add(key: string, ...ways: readonly Edit[]): void {
    const known = this.#found.get(key);
    if (known === undefined)
      this.#found.set(
        key,
        ways.map((edit) => [edit]),
      );
    else for (const [index, edit] of ways.entries()) known[index]?.push(edit);
  }

  #level(nodes: readonly Node[], name: string): void {
    for (const [index, node] of nodes.entries()) {
      if (isGroup(node)) {
        this.#group(node, nodes, index, name);
        continue;
      }
      const label = (isOnlyOne = false): string => `${name}${this.#block(nodes, index, isOnlyOne)}`;
      const next = wordOf(nodes[index + 1]);
      if (node.word === "where") {
        const whole = until(nodes, index + 1, ENDS_WHERE);
        this.#condition(`${label(splitAt(whole, "and").length === 1)} where`, whole);
      } else if (node.word === "on" && next === "conflict") this.#conflict(name, nodes, index);
      else if (node.word === "on") this.#condition(`${label()} on`, until(nodes, index + 1, ENDS_ON));
      else if (node.word === "order" && next === "by")
        this.#order(label(), node.start, until(nodes, index + 2, ENDS_LIST));
      else if (node.word === "limit") this.#limit(label(), until(nodes, index + 1, ENDS_LIST));
      else if (node.word === "for" && next === "update") this.#lock(label(), nodes.slice(index));
    }
  }

  #group(group: Group, nodes: readonly Node[], index: number, name: string): void {
    const within = `${name}${this.#columnAt(nodes, index)}`;
    if (group.open === "case") {
      this.#case(group, within);
      return;
    }
    const named = this.#nameOf(nodes, index);
    const isSelect = group.nodes.some((node) => wordOf(node) === "select");
    const block = isSelect ? this.#block(nodes, index, false) : "";
    this.#level(group.nodes, named ?? (block === "" ? within : `${name}${block} › `));
    if (this.#isAnswer(group, nodes, index)) this.#condition(`${within}answer`, group.nodes);
    if (group.open === "(") this.#choice(group, wordOf(nodes[index - 1]), within);
  }

  /** A condition that is selected or returned: `(a = b and c) as wanted`. */
  #isAnswer({ open, nodes: inner }: Group, nodes: readonly Node[], index: number): boolean {
    const isSelected = [",", "select", "returning"].includes(wordOf(nodes[index - 1]));
    if (open !== "(" || !isSelected || wordOf(inner[0]) === "select") return false;
    return inner.some((node) => COMPARES.has(wordOf(node)));
  }

  /** The column that an update assigns here, or that this is returned. */
  #columnAt(nodes: readonly Node[], index: number): string {
    let from = index - 1;
    while (from >= 0 && ![",", "set", "returning"].includes(wordOf(nodes[from]))) from -= 1;
    const clauses = nodes.slice(0, index).map(wordOf);
    const clause = ["set", "from", "where", "returning"]
      .map((word) => ({ word, at: clauses.lastIndexOf(word) }))
      .sort((a, b) => b.at - a.at)[0];
    if (clause?.word === "returning") return "returning ";
    return clause?.word === "set" && clause.at >= 0 ? `set ${wordOf(nodes[from + 1])}: ` : "";
  }

  /** `name as materialized ( … )`: what a part of a statement is called. */
  #nameOf(nodes: readonly Node[], index: number): string | null {
    const as = wordOf(nodes[index - 1]) === "materialized" ? index - 2 : index - 1;
    if (wordOf(nodes[as]) !== "as") return null;
    const named = isGroup(nodes[as - 1]) ? nodes[as - 2] : nodes[as - 1];
    return `${readable(wordOf(named))}: `;
  }

  /**
   * The select, update, insert or delete that a clause belongs to.
   *
   * @param isOnlyOne - the clause has one condition, which many a statement has too: what is set tells them apart
   */
  #block(nodes: readonly Node[], index: number, isOnlyOne: boolean): string {
    let from = index - 1;
    while (from >= 0 && !SELECTS.has(wordOf(nodes[from]))) from -= 1;
    if (from < 0) return "";
    const verb = wordOf(nodes[from]);
    const before = nodes.slice(from + 1, index);
    const at =
      verb === "update" ? 0 : before.findIndex((node) => ["from", "into"].includes(wordOf(node))) + 1;
    const table = before[wordOf(before[at + 1]) === "." ? at + 2 : at];
    const set = before.findIndex((node) => wordOf(node) === "set");
    const columns = isOnlyOne && verb === "update" && set >= 0 ? this.#columns(before.slice(set + 1)) : "";
    const selected = verb === "select" ? this.#selected(before.slice(0, at - 1)) : "";
    return `${verb}${selected} ${isGroup(table) ? "(…)" : wordOf(table)}${columns}`;
  }

  /** What a select reads, where it is little. */
  #selected(nodes: readonly Node[]): string {
    const columns = splitAt(nodes, ",");
    if (columns.length > MANY_COLUMNS || nodes.length === 0) return "";
    const last = nodes[nodes.length - 1]!;
    const groups = nodes.filter(isGroup).map(({ start, end }) => ({ start, end, text: "(…)" }));
    return ` ${readable(edited(this.#sql.slice(0, last.end), groups).slice(nodes[0]!.start))} from`;
  }

  #columns(assignments: readonly Node[]): string {
    const [first, ...others] = splitAt(until(assignments, 0, new Set(["from"])), ",");
    return ` set ${wordOf(first?.[0])}${others.length > 0 ? ", …" : ""}`;
  }

  #text(nodes: readonly Node[]): string {
    return nodes.length === 0 ? "" : this.#sql.slice(nodes[0]!.start, nodes[nodes.length - 1]!.end);
  }

  #edit(nodes: readonly Node[], text: string): Edit {
    return { start: nodes[0]!.start, end: nodes[nodes.length - 1]!.end, text };
  }

  /** The whole of a clause, with one part of it in marks. */
  #marked(whole: readonly Node[], part: readonly Node[]): string {
    const at = whole[0]!.start;
    const [start, end] = [part[0]!.start, part[part.length - 1]!.end];
    const marks = [
      { start, end: start, text: "⟦" },
      { start: end, end, text: "⟧" },
    ];
    // What a select inside says is told with its own guards.
    const selects = selectsIn(whole).map((group) => ({
      start: group.start,
      end: group.end,
      text: "(select …)",
    }));
    const outside = selects.filter((select) => select.end <= start || select.start >= end);
    const inside = selects.filter((select) => select.start >= start && select.end <= end);
    const last = whole[whole.length - 1]!.end;
    return readable(edited(this.#sql.slice(0, last), [...marks, ...outside, ...inside]).slice(at));
  }

  #condition(label: string, whole: readonly Node[]): void {
    const isComposed = label.startsWith(COMPOSED);
    const part = (nodes: readonly Node[], needed: boolean): void => {
      const text = this.#text(nodes);
      if (text === "true") return;
      if (/\bbetween\b/i.test(text)) throw new Error(`"between" is not understood: ${text}`);
      const key = `${label} ${isComposed ? composed(text) : this.#marked(whole, nodes)}`;
      // What must hold is taken to hold; what may hold instead is taken not to.
      this.#add(key, this.#edit(nodes, needed ? `(${text} or true)` : `(${text} and false)`));
      const bare = wordOf(nodes[0]) === "not" ? nodes.slice(1) : nodes;
      const [only] = bare;
      if (bare.length === 1 && isGroup(only) && only.open === "(") inside(only.nodes);
    };
    const inside = (nodes: readonly Node[]): void => {
      const alternatives = splitAt(nodes, "or");
      if (alternatives.length > 1) {
        for (const alternative of alternatives) {
          part(alternative, false);
          const all = splitAt(alternative, "and");
          if (all.length > 1) for (const each of all) part(each, true);
        }
        return;
      }
      const all = splitAt(nodes, "and");
      if (all.length > 1) for (const each of all) part(each, true);
    };
    if (splitAt(whole, "or").length > 1 || splitAt(whole, "and").length > 1) inside(whole);
    else part(whole, true);
  }

  /** Each branch: never taken, and always. */
  #case(group: Group, name: string): void {
    const { nodes } = group;
    const first = nodes.findIndex((node) => wordOf(node) === "when");
    const operand = nodes.slice(0, first);
    for (const [index, node] of nodes.entries()) {
      if (wordOf(node) !== "when") continue;
      const condition = until(nodes, index + 1, new Set(["then"]));
      const text = this.#text(condition);
      const key = `${name}case ${readable(this.#text(operand))} when ⟦${readable(text)}⟧`;
      const isSimple = operand.length > 0;
      this.#add(`${key} never`, this.#edit(condition, isSimple ? "null" : `(${text} and false)`));
      this.#add(`${key} always`, this.#edit(condition, isSimple ? this.#text(operand) : `(${text} or true)`));
      if (!isSimple) this.#condition(`${name}case when`, condition);
    }
    this.#level(nodes, name);
  }

  /** One argument as if it were not there. */
  #choice(group: Group, called: string, name: string): void {
    const never = CHOOSES[called];
    const parts = splitAt(group.nodes, ",");
    if (never === undefined || parts.length < 2) return;
    for (const part of parts) {
      const text = `(case when true then ${never} else ${this.#text(part)} end)`;
      this.#add(`${name}${called} ${this.#marked([group], part)}`, this.#edit(part, text));
    }
  }

  #conflict(name: string, nodes: readonly Node[], index: number): void {
    // What is inserted may be a select: the conflict is not of that.
    const insert = nodes.slice(0, index).map(wordOf).lastIndexOf("insert");
    const table = wordOf(nodes[insert + 3]) === "." ? insert + 5 : insert + 3;
    const label = `${name}${this.#block(nodes, table, false)}`;
    const whole = until(nodes, index + 2, new Set(["returning", ";"]));
    const clause = [nodes[index]!, nodes[index + 1]!, ...whole];
    this.#add(`${label} ⟦${readable(this.#text(clause))}⟧`, this.#edit(clause, ""));
  }

  /** Without it rows may still come in order by chance: then the order is turned round. */
  #order(label: string, start: number, keys: readonly Node[]): void {
    const key = (part: readonly Node[]): string => `${label} order by ${this.#marked(keys, part)}`;
    const end = keys[keys.length - 1]!.end;
    const turned = splitAt(keys, ",").map((part) => ({ part, text: this.#turned(part) }));
    const all = { start: keys[0]!.start, end, text: turned.map(({ text }) => text).join(", ") };
    this.#add(key(keys), { start, end, text: "" }, all);
    if (turned.length > 1) for (const { part, text } of turned) this.#add(key(part), this.#edit(part, text));
  }

  #turned(key: readonly Node[]): string {
    const isDescending = wordOf(key[key.length - 1]) === "desc";
    return isDescending ? this.#text(key.slice(0, -1)) : `${this.#text(key)} desc`;
  }

  #limit(label: string, limit: readonly Node[]): void {
    const text = this.#text(limit);
    this.#add(`${label} limit ⟦${readable(text)}⟧`, this.#edit(limit, `${text} + ${String(NO_LIMIT)}`));
  }

  #lock(label: string, clause: readonly Node[]): void {
    this.#add(`${label} ⟦${readable(this.#text(clause))}⟧`, this.#edit(clause, ""));
    const skip = clause.filter((node) => ["skip", "locked"].includes(wordOf(node)));
    if (skip.length > 0) this.#add(`${label} for update ⟦skip locked⟧`, this.#edit(skip, ""));
  }
}

function composed(condition: string): string {
  return `… ⟦${readable(condition).replace(/'[A-Z]+'/g, "'…'")}⟧ …`;
}

/** The outermost selects in brackets. */
function selectsIn(nodes: readonly Node[]): readonly Group[] {
  return nodes
    .filter(isGroup)
    .flatMap((group) => (wordOf(group.nodes[0]) === "select" ? [group] : selectsIn(group.nodes)));
}

/** Nodes of one level from a place on, to the next of these words. */
function until(nodes: readonly Node[], from: number, ends: ReadonlySet<string>): readonly Node[] {
  let to = from;
  while (to < nodes.length && !ends.has(wordOf(nodes[to]))) to += 1;
  return nodes.slice(from, to);
}

/** The statement with its edits. */
export function edited(sql: string, edits: readonly Edit[]): string {
  const ordered = [...edits].sort((a, b) => b.start - a.start);
  return ordered.reduce((text, edit) => text.slice(0, edit.start) + edit.text + text.slice(edit.end), sql);
}
