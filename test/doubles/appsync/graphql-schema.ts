import type { Operation, SelectedField } from "./graphql-parser.js";

/** What of a schema text the double looks at. */
export interface Schema {
  readonly type: ReadonlyMap<string, string>;
  readonly mutation: Field;
  readonly subscription: Field;
}

interface Field {
  readonly name: string;
  readonly args: ReadonlyMap<string, string>;
}

/** An error as AppSync writes it. */
export interface GraphQlError {
  readonly path: readonly string[] | null;
  readonly locations: null;
  readonly errorType?: string;
  readonly message: string;
}

/** Reads the schema that `appsyncSchema` writes: one type, one mutation, one subscription. */
export function readSchema(text: string): Schema {
  return {
    type: pairsOf(between(text, /type JobUpdate[^{]*\{/, "}")),
    mutation: fieldOf(between(text, /type Mutation \{/, "}")),
    subscription: fieldOf(between(text, /type Subscription \{/, "}")),
  };
}

function between(text: string, begin: RegExp, end: string): string {
  const at = begin.exec(text);
  if (at === null) throw new Error(`The schema has no ${begin.source}.`);
  const from = at.index + at[0].length;
  return text.slice(from, text.indexOf(end, from));
}

function fieldOf(text: string): Field {
  const [, name = "", args = ""] = /(\w+)\(([^)]*)\)/.exec(text) ?? [];
  return { name, args: pairsOf(args) };
}

function pairsOf(text: string): ReadonlyMap<string, string> {
  return new Map([...text.matchAll(/(\w+): (\w+!?)/g)].map(([, name = "", type = ""]) => [name, type]));
}

/** What is wrong with a document, judged by the schema alone: nothing of it is run then. */
export function validate(schema: Schema, { type, variables, fields }: Operation): readonly GraphQlError[] {
  const field = type === "mutation" ? schema.mutation : schema.subscription;
  const declared = new Map(variables.map((variable) => [variable.name, variable.type]));
  return fields.flatMap((selected) => [
    ...(selected.name === field.name
      ? []
      : [invalid(`FieldUndefined: Field '${selected.name}' is undefined`)]),
    ...[...selected.args].flatMap(([name, value]) => {
      const wanted = field.args.get(name);
      if (wanted === undefined) return [invalid(`UnknownArgument: Unknown field argument ${name}`)];
      if (!("variable" in value)) return [];
      const given = declared.get(value.variable);
      if (given === undefined) return [invalid(`UndefinedVariable: Undefined variable ${value.variable}`)];
      const fits = given === wanted || given === `${wanted}!`;
      return fits ? [] : [invalid(`VariableTypeMismatch: Variable type '${given}' is not '${wanted}'`)];
    }),
    ...[...field.args]
      .filter(([name, wanted]) => wanted.endsWith("!") && !selected.args.has(name))
      .map(([name]) => invalid(`MissingFieldArgument: Missing field argument ${name}`)),
    ...selected.selected
      .filter((name) => !schema.type.has(name))
      .map((name) => invalid(`FieldUndefined: Field '${name}' in type 'JobUpdate' is undefined`)),
    ...(selected.selected.length === 0 ? [invalid("SubSelectionRequired: Sub selection required")] : []),
  ]);
}

function invalid(what: string): GraphQlError {
  return { path: null, locations: null, message: `Validation error of type ${what}` };
}

/** What is wrong with the values of the variables: nothing of the document is run then either. */
export function coerce(
  { variables }: Operation,
  values: Readonly<Record<string, unknown>>,
): readonly GraphQlError[] {
  return variables.flatMap(({ name, type }) => {
    const value = values[name] ?? null;
    const bare = type.replace("!", "");
    if (value === null) {
      return type.endsWith("!")
        ? [refused(`Variable '${name}' has coerced Null value for NonNull type '${type}'`)]
        : [];
    }
    return IS[bare]?.(value) === true ? [] : [refused(`Variable '${name}' has an invalid value.`)];
  });
}

function refused(message: string): GraphQlError {
  return { path: null, locations: null, message };
}

const IS: Readonly<Record<string, (value: unknown) => boolean>> = {
  ID: (value) => typeof value === "string",
  String: (value) => typeof value === "string",
  Boolean: (value) => typeof value === "boolean",
  Int: (value) => Number.isInteger(value) && Math.abs(value as number) < 2 ** 31,
  Float: (value) => typeof value === "number",
  AWSTimestamp: (value) => Number.isInteger(value),
  AWSJSON: (value) => typeof value === "string" && isJson(value),
};

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** The arguments of a field, its variables replaced by their values. */
export function argumentsOf(
  { args }: SelectedField,
  values: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    [...args].flatMap(([name, value]) => {
      if ("literal" in value) return [[name, value.literal]];
      // A variable without a value is an argument that was left out.
      return value.variable in values ? [[name, values[value.variable]]] : [];
    }),
  );
}

/** What is selected of a result; what is not there is null. */
export function selectedOf(
  { selected }: SelectedField,
  result: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  return Object.fromEntries(selected.map((name) => [name, result[name] ?? null]));
}
