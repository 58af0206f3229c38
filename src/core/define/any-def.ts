import type { Definition } from "../definition.js";
import type { JobStatus } from "../job/lifecycle.js";

/** The types of one kind: plain data, so that hovers and emitted declarations name no schema library. */
export interface JobTypes {
  readonly kind: string;
  /** What `submit` takes and the store keeps. */
  readonly input: unknown;
  /** What the handler gets: the input as its schema reads it. */
  readonly parsed: unknown;
  /** `null`: the kind has none. */
  readonly output: unknown;
  /** `never`: the kind has none. */
  readonly progress: unknown;
  /** `never`: the kind has none. */
  readonly phase: string;
  /** What names the external work; `never`: the kind has none. */
  readonly ref: unknown;
  /** The words of each status. */
  readonly words: Readonly<Record<JobStatus, string>>;
  /** The named queue; `null`: the composition's default. */
  readonly queue: string | null;
  /** Who hands its jobs over: a queue (or the store), or the application itself. */
  readonly handOver: "queue" | "own";
  /** What `project` makes of parts of a job before they leave the server; `never`: output and progress whole, no metadata. */
  readonly project: { readonly output: unknown; readonly progress: unknown; readonly metadata: unknown };
}

/**
 * Any definition. It holds the types as a phantom and no method that uses them: a method here would make every definition
 * unassignable.
 */
export interface AnyDef {
  readonly kind: string;
  /** What the engine knows of it. */
  readonly "~definition": Definition;
  /** Types only; never a value. */
  readonly "~types"?: JobTypes | undefined;
}

/** The types behind a definition. */
export type TypesOf<D extends AnyDef> = NonNullable<D["~types"]>;

/** The output as it leaves the server. */
export type OutputView<D extends AnyDef> = Projected<TypesOf<D>["project"]["output"], TypesOf<D>["output"]>;

/** The progress as it leaves the server. */
export type ProgressView<D extends AnyDef> = Projected<
  TypesOf<D>["project"]["progress"],
  TypesOf<D>["progress"]
>;

type Projected<V, Whole> = [V] extends [never] ? Whole : V;

/** The kinds of a definition, or of a union of them. */
export type KindOf<D extends AnyDef> = D["kind"];

/**
 * What a method takes for one of its definitions. The kind alone is compared, as of a handler: the compiler's complaint is one
 * line, and a call looks at a name, where a union of definitions would be gone through for each call. Written out where it is
 * used: of an alias the compiler goes through the arguments, too.
 */
export interface DefOfKind<Kind extends string> extends AnyDef {
  readonly kind: Kind;
}

/** The words that a definition has for a status, or for any. */
export type WordOf<D extends AnyDef, S extends JobStatus = JobStatus> = TypesOf<D>["words"][S];

/** The definition of a kind, out of a union. */
export type DefOf<D extends AnyDef, K extends string> = D extends AnyDef
  ? D["kind"] extends K
    ? D
    : never
  : never;

/** Those of a union whose jobs the application hands over itself. */
export type OwnDef<D extends AnyDef> = D extends AnyDef
  ? TypesOf<D>["handOver"] extends "own"
    ? D
    : never
  : never;

/** Those of a union that have external work. */
export type ExternalDef<D extends AnyDef> = D extends AnyDef
  ? [TypesOf<D>["ref"]] extends [never]
    ? never
    : D
  : never;
