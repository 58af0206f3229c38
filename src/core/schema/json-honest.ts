import type { TypeProblem } from "./type-problem.js";

/** What JSON carries, as loosely as an assignability check needs it: one check accepts nearly every honest type. */
type JsonLike =
  null | boolean | number | string | readonly JsonLike[] | { readonly [key: string]: JsonLike | undefined };

/** Objects that JSON turns into something else, whatever their properties. */
type Changed =
  | ((...args: never[]) => unknown)
  | (abstract new (...args: never[]) => unknown)
  | { toJSON(...args: never[]): unknown }
  | { readonly [Symbol.toStringTag]: string }
  | Date
  | RegExp
  | Error
  | ReadonlyMap<unknown, unknown>
  | ReadonlySet<unknown>;

/** Levels that are searched below an interface; recursive types end here, and the check at run time goes on. */
type Levels = [0, 0, 0, 0, 0, 0, 0, 0];

type Under<Path extends string, Key> = Key extends string | number
  ? Path extends ""
    ? `${Key}`
    : `${Path}.${Key}`
  : Path;

/** Where a type does not survive JSON: a union of paths, `never` if it does. `any` and `unknown` are judged at run time. */
export type JsonBreak<T, Path extends string = "", Left extends readonly unknown[] = Levels> = [T] extends [
  JsonLike,
]
  ? never
  : unknown extends T
    ? never
    : Left extends readonly [unknown, ...infer Rest]
      ? BreakOf<T, Path, Rest>
      : never;

type BreakOf<T, Path extends string, Left extends readonly unknown[]> = T extends
  null | boolean | number | string
  ? never
  : // eslint-disable-next-line @typescript-eslint/no-invalid-void-type -- of a schema that takes nothing but undefined
    T extends undefined | void | bigint | symbol | Changed
    ? Path
    : T extends readonly (infer Item)[]
      ? JsonBreak<Item, `${Path}[]`, Left>
      : // An optional or undefined property is left out, as JSON does.
        { [K in keyof T]-?: JsonBreak<Exclude<T[K], undefined>, Under<Path, K>, Left> }[keyof T];

/** `unknown` where a type survives JSON, else the sentence that says where it does not. */
export type SurvivesJson<Option extends string, T> = [JsonBreak<T>] extends [never]
  ? unknown
  : TypeProblem<`${Option} must survive JSON: "${JsonBreak<T>}" does not`>;

/**
 * For what a handler gives and Waybill checks and stores: its type after the check must pass the check, so a schema that
 * turns one type into another is refused.
 */
export type Stored<Option extends string, Given, Checked> = [JsonBreak<Checked>] extends [never]
  ? [Checked] extends [Given]
    ? unknown
    : TypeProblem<`${Option} must not be transformed by its schema: what it yields is not what it takes`>
  : SurvivesJson<Option, Checked>;
