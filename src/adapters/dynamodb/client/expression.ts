import type { AttributeValue, Item } from "./client.js";

/** What a request carries of an expression. */
export interface ExpressionParts {
  readonly ExpressionAttributeNames?: Record<string, string>;
  readonly ExpressionAttributeValues?: Item;
}

/**
 * Names and values of one request's expressions, each behind a placeholder: some names are reserved words, and no text of
 * anybody's ever becomes a part of an expression.
 */
export class Expression {
  readonly #names = new Map<string, string>();
  readonly #values: Item = {};
  #count = 0;

  name(attribute: string): string {
    let placeholder = this.#names.get(attribute);
    if (placeholder === undefined) {
      placeholder = `#${String(this.#names.size)}`;
      this.#names.set(attribute, placeholder);
    }
    return placeholder;
  }

  value(value: AttributeValue): string {
    const placeholder = `:${String(this.#count)}`;
    this.#count += 1;
    this.#values[placeholder] = value;
    return placeholder;
  }

  equals(attribute: string, value: AttributeValue | null): string {
    if (value === null) return this.absent(attribute);
    return `${this.name(attribute)} = ${this.value(value)}`;
  }

  absent(attribute: string): string {
    return `attribute_not_exists(${this.name(attribute)})`;
  }

  parts(): ExpressionParts {
    return {
      ...(this.#names.size === 0
        ? {}
        : {
            ExpressionAttributeNames: Object.fromEntries(
              [...this.#names].map(([attribute, placeholder]) => [placeholder, attribute]),
            ),
          }),
      ...(this.#count === 0 ? {} : { ExpressionAttributeValues: this.#values }),
    };
  }
}

/** An update under a condition, built attribute by attribute. */
export class Update {
  readonly #expression = new Expression();
  readonly #set: string[] = [];
  readonly #remove: string[] = [];
  readonly #conditions: string[] = [];

  /** `null` takes the attribute away. */
  set(attribute: string, value: AttributeValue | null): this {
    if (value === null) this.#remove.push(this.#expression.name(attribute));
    else this.#set.push(`${this.#expression.name(attribute)} = ${this.#expression.value(value)}`);
    return this;
  }

  setAll(attributes: Readonly<Record<string, AttributeValue | null>>): this {
    for (const [attribute, value] of Object.entries(attributes)) this.set(attribute, value);
    return this;
  }

  /** Takes the value that another attribute has before the update. */
  copy(attribute: string, from: string): this {
    this.#set.push(`${this.#expression.name(attribute)} = ${this.#expression.name(from)}`);
    return this;
  }

  append(attribute: string, values: AttributeValue[]): this {
    const name = this.#expression.name(attribute);
    this.#set.push(`${name} = list_append(${name}, ${this.#expression.value({ L: values })})`);
    return this;
  }

  /** Only where the attribute has this value; `null`: only where there is none. */
  when(attribute: string, value: AttributeValue | null): this {
    this.#conditions.push(this.#expression.equals(attribute, value));
    return this;
  }

  whenAbsentOrBelow(attribute: string, value: AttributeValue): this {
    const below = `${this.#expression.name(attribute)} < ${this.#expression.value(value)}`;
    this.#conditions.push(`(${this.#expression.absent(attribute)} OR ${below})`);
    return this;
  }

  /** The parts of an UpdateItem. */
  request(): ExpressionParts & { readonly UpdateExpression: string; readonly ConditionExpression?: string } {
    const sections = [
      ...(this.#set.length === 0 ? [] : [`SET ${this.#set.join(", ")}`]),
      ...(this.#remove.length === 0 ? [] : [`REMOVE ${this.#remove.join(", ")}`]),
    ];
    return {
      UpdateExpression: sections.join(" "),
      ...(this.#conditions.length === 0 ? {} : { ConditionExpression: this.#conditions.join(" AND ") }),
      ...this.#expression.parts(),
    };
  }
}
