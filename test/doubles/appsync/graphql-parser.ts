/** As much of GraphQL as AppSync's notifiers and subscribers send: one operation, variables, fields of one level. */
export interface Operation {
  readonly type: "mutation" | "subscription" | "query";
  readonly variables: readonly { readonly name: string; readonly type: string }[];
  readonly fields: readonly SelectedField[];
}

export interface SelectedField {
  readonly alias: string;
  readonly name: string;
  /** A literal, or the variable that stands there. */
  readonly args: ReadonlyMap<string, { readonly variable: string } | { readonly literal: unknown }>;
  readonly selected: readonly string[];
}

const TOKEN = /[_A-Za-z][_0-9A-Za-z]*|-?\d+(?:\.\d+)?|"(?:[^"\\]|\\.)*"|[!$(){}:[\]]/y;
const IGNORED = /(?:[\s,]|#[^\n]*)*/y;

/** @throws {SyntaxError} as AppSync refuses a document that it cannot parse */
export function parseOperation(query: string): Operation {
  return new Parser(tokensOf(query)).operation();
}

function tokensOf(query: string): string[] {
  const tokens: string[] = [];
  let place = 0;
  for (;;) {
    IGNORED.lastIndex = place;
    IGNORED.exec(query);
    place = IGNORED.lastIndex;
    if (place === query.length) return tokens;
    TOKEN.lastIndex = place;
    const [token] = TOKEN.exec(query) ?? [];
    if (token === undefined) throw new SyntaxError(`unexpected character at ${place}`);
    tokens.push(token);
    place += token.length;
  }
}

class Parser {
  readonly #tokens: readonly string[];
  #place = 0;

  constructor(tokens: readonly string[]) {
    this.#tokens = tokens;
  }

  operation(): Operation {
    const type = this.#take(/^(?:mutation|subscription|query)$/) as Operation["type"];
    if (/^[_A-Za-z]/.test(this.#peek())) this.#take();
    const variables = this.#list("(", ")", () => {
      this.#take(/^\$$/);
      const name = this.#take(/^[_A-Za-z]/);
      this.#take(/^:$/);
      return { name, type: this.#take(/^[_A-Za-z]/) + (this.#peek() === "!" ? this.#take() : "") };
    });
    const fields = this.#list("{", "}", () => this.#field());
    if (this.#place !== this.#tokens.length) throw new SyntaxError("something follows the operation");
    if (fields.length === 0) throw new SyntaxError("nothing is selected");
    return { type, variables, fields };
  }

  #field(): SelectedField {
    let name = this.#take(/^[_A-Za-z]/);
    const alias = name;
    if (this.#peek() === ":") {
      this.#take();
      name = this.#take(/^[_A-Za-z]/);
    }
    const args = new Map(
      this.#list("(", ")", () => {
        const argument = this.#take(/^[_A-Za-z]/);
        this.#take(/^:$/);
        return [argument, this.#value()] as const;
      }),
    );
    const selected = this.#list("{", "}", () => this.#take(/^[_A-Za-z]/));
    return { alias, name, args, selected };
  }

  #value(): { readonly variable: string } | { readonly literal: unknown } {
    if (this.#peek() !== "$") return { literal: JSON.parse(this.#take()) as unknown };
    this.#take();
    return { variable: this.#take(/^[_A-Za-z]/) };
  }

  /** What stands between two marks; nothing, where the first is not there. */
  #list<T>(open: string, close: string, item: () => T): T[] {
    if (this.#peek() !== open) return [];
    this.#take();
    const items: T[] = [];
    while (this.#peek() !== close) items.push(item());
    this.#take();
    return items;
  }

  #peek(): string {
    return this.#tokens[this.#place] ?? "";
  }

  #take(wanted = /./s): string {
    const token = this.#peek();
    if (!wanted.test(token)) throw new SyntaxError(`unexpected ${token === "" ? "end" : token}`);
    this.#place += 1;
    return token;
  }
}
