import type { Schema, SchemaInput, SchemaOutput } from "../schema/standard.js";
import type { JobTypes } from "./any-def.js";
import { makeDefinition } from "./definition-of.js";
import { type Handler, makeHandler } from "./handler.js";
import type { JobDef, OutputOr, WordsOf } from "./job-def.js";
import type { JobOptions, WordsOption } from "./job-options.js";

/**
 * Defines a kind of job, once, for every side: a browser may hold it. How it is done is said apart, on the server, by
 * `handle`. Types follow from the schemas (zod, valibot, arktype or any Standard Schema).
 *
 * @throws {WaybillError} `config.invalid`: names the option that cannot be used
 */
export function defineJob<
  const K extends string,
  I extends Schema,
  O extends Schema | undefined = undefined,
  P extends Schema | undefined = undefined,
  const F extends string = never,
  R extends Schema | undefined = undefined,
  const W extends WordsOption | undefined = undefined,
  const Q extends string | undefined = undefined,
  OV = never,
  PV = never,
  MV = never,
>(
  options: JobOptions<K, I, O, P, F, R, W, Q, OV, PV, MV>,
): JobDef<{
  // Written out: an alias would stand in hovers and declarations with the schemas as its parameters. NoInfer: inside
  // `jobs: [defineJob(…)]` the compiler would take what is left out from the type that is expected there.
  kind: K;
  input: SchemaInput<I>;
  parsed: SchemaOutput<I>;
  output: OutputOr<O, null>;
  progress: OutputOr<P, never>;
  phase: NoInfer<F>;
  ref: OutputOr<R, never>;
  words: WordsOf<W>;
  queue: NoInfer<Q> extends string ? NoInfer<Q> : null;
  project: {
    output: NoInfer<OV>;
    progress: NoInfer<PV>;
    metadata: NoInfer<MV>;
  };
}>;
export function defineJob(options: unknown): unknown {
  const definition = makeDefinition(options);
  const def = {
    kind: definition.kind,
    phases: definition.phases,
    "~definition": definition,
    word: (job: JobFacts): string =>
      definition.wordOf({
        status: job.status,
        phase: job.phase ?? null,
        failureReason: job.failure?.reason ?? null,
      }),
    statuses: (word: string) => definition.statusesOf(word),
    handle: (implementation: unknown): Handler => makeHandler(def, implementation),
  };
  return def;
}

type JobFacts = Parameters<JobDef<JobTypes>["word"]>[0];
