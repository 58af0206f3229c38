import { join } from "node:path";
import ts from "typescript";
import { expect, it } from "vitest";

const repository = join(import.meta.dirname, "../..");

/** Compiles one file that exists in memory only, beside the type tests, with the repository's own settings. */
function compile(text: string): {
  readonly program: ts.Program;
  readonly errors: readonly string[];
  readonly declarations: string;
} {
  const path = join(repository, "test/types/consumer.ts");
  const config = ts.getParsedCommandLineOfConfigFile(
    join(repository, "tsconfig.json"),
    {},
    {
      ...ts.sys,
      onUnRecoverableConfigFileDiagnostic: (diagnostic) => {
        throw new Error(ts.flattenDiagnosticMessageText(diagnostic.messageText, "\n"));
      },
    },
  );
  const options = { ...config!.options, noEmit: false, declaration: true, emitDeclarationOnly: true };
  const host = ts.createCompilerHost(options);
  const { fileExists, readFile, getSourceFile } = host;
  host.fileExists = (name) => name === path || fileExists(name);
  host.readFile = (name) => (name === path ? text : readFile(name));
  host.getSourceFile = (name, ...rest) =>
    name === path
      ? ts.createSourceFile(name, text, ...(rest.slice(0, 1) as [ts.ScriptTarget]))
      : getSourceFile(name, ...rest);
  const program = ts.createProgram([path], options, host);
  const source = program.getSourceFile(path);
  const errors = program
    .getSemanticDiagnostics(source)
    .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, "\n"));
  let declarations = "";
  program.emit(source, (_, emitted) => {
    declarations += emitted;
  });
  return { program, errors, declarations };
}

const IMPORTS = `
import { type } from "arktype";
import * as v from "valibot";
import { z } from "zod";
import type { Job } from "../../src/core/api/job.js";
import type { CreateWaybill } from "../../src/core/api/options.js";
import { defineJob } from "../../src/core/define/define-job.js";
import type { Store } from "../../src/core/ports/store.js";
`;

it("declarations that a consumer emits are readable and name no schema library", { timeout: 120_000 }, () => {
  const { errors, declarations } = compile(`${IMPORTS}
export const one = defineJob({
  kind: "one",
  input: z.object({ name: z.string(), n: z.number().default(1), tags: z.array(z.enum(["a", "b"])) }),
  output: z.object({ text: z.string().optional() }),
  phases: ["thinking", "writing"],
  words: { PENDING: "p", QUEUED: "p", PROCESSING: { default: "r", writing: "w" }, COMPLETED: "c", FAILED: "f" },
});
export const two = defineJob({ kind: "two", input: v.object({ name: v.string() }), external: v.object({ ids: v.array(v.string()) }) });
export const three = defineJob({ kind: "three", input: type({ name: "string", "n?": "number" }) });
export const handler = one.handle(() => ({ text: "x" }));
export declare const job: Job<typeof one>;
export const word = one.word(job);
`);
  expect(errors).toEqual([]);
  expect(
    declarations.match(/zod|valibot|arktype|Zod|\$strip|ObjectSchema|StandardSchema|Infer/g) ?? [],
  ).toEqual([]);
  expect(declarations.replaceAll(/import\("[^"]+"\)\./g, "")).toMatchSnapshot();
});

it("says in the compiler's message where a type does not survive JSON", { timeout: 120_000 }, () => {
  const { errors } = compile(`${IMPORTS}
defineJob({ kind: "k", input: z.object({}), output: z.object({ inner: z.object({ at: z.date() }) }) });
defineJob({ kind: "k", input: z.object({ list: z.array(z.object({ n: z.bigint() })) }) });
declare const createWaybill: CreateWaybill;
declare const store: Store;
const a = defineJob({ kind: "a", input: z.object({}) });
createWaybill({ jobs: [a, a], store });
`);
  expect(errors).toHaveLength(3);
  expect(errors[0]).toContain('output must survive JSON: \\"inner.at\\" does not');
  expect(errors[1]).toContain('input must survive JSON: \\"list[].n\\" does not');
  expect(errors[2]).toContain('two jobs are of the kind \\"a\\"');
});

/** Instantiations that a program with so many kinds costs, composed in one Waybill. */
function costOf(count: number, use: (kind: number) => string): number {
  const chosen = Array.from({ length: count }, (_, i) => i);
  const { program, errors } = compile(`${IMPORTS}
${chosen
  .map(
    (i) => `const job${i} = defineJob({
  kind: "kind.n${i}",
  input: z.object({ id: z.string(), n${i}: z.number() }),
  output: z.object({ done: z.number(), n${i}: z.string() }),
  progress: z.object({ total: z.number() }),
  phases: ["a", "b", "c${i}"],
  words: { PENDING: "p", QUEUED: "q", PROCESSING: { default: "r", a: "ra" }, COMPLETED: "c", FAILED: "f" },
  percent: (p) => p.total,
});`,
  )
  .join("\n")}
declare const createWaybill: CreateWaybill;
declare const store: Store;
const waybill = createWaybill({ jobs: [${chosen.map((i) => `job${i}`).join(", ")}], store });
void waybill.get("x").then((job) => (job?.status === "COMPLETED" && job.kind === "kind.n0" ? job.output.n0 : null));
${chosen.map(use).join("\n")}
`);
  expect(errors).toEqual([]);
  return program.getInstantiationCount();
}

it("a composition of 60 kinds costs the compiler less than it did", { timeout: 120_000 }, () => {
  const cost = costOf(
    60,
    (i) => `void waybill.submit(job${i}, { id: "x", n${i}: 1 });
waybill.worker([job${i}.handle(({ input }) => ({ done: input.n${i}, n${i}: input.id }))]);`,
  );
  // It was 287,730 when each kind was compared with all before it.
  expect(cost).toBeLessThan(287_730);
});

it("1,000 kinds compile, and the last costs what the first did", { timeout: 240_000 }, () => {
  const use = (i: number): string => (i === 1 ? `void waybill.submit(job1, { id: "x", n1: 1 });` : "");
  const [few, many] = [costOf(100, use), costOf(1_000, use)];
  expect(many / 1_000).toBeLessThan((few / 100) * 1.1);
});

it("what is done with a kind costs the same however many there are", { timeout: 120_000 }, () => {
  const use = (i: number): string =>
    `void waybill.submit(job${i}, { id: "x", n${i}: 1 });
void waybill.submitMany(job${i}, [{ input: { id: "x", n${i}: 1 } }]);
void [waybill.get(job${i}, "x"), waybill.history(job${i}, "x"), waybill.latest(job${i}, "x")];
void [waybill.cancel(job${i}, "x"), waybill.rerun(job${i}, "x"), waybill.result(job${i}, "x"), waybill.watch(job${i}, "x")];
waybill.worker([job${i}.handle(({ input }) => ({ done: input.n${i}, n${i}: input.id }))]);`;
  const [few, many] = [costOf(20, use), costOf(80, use)];
  // Gone through for each call, 80 kinds cost almost twice as much each.
  expect(many / 80).toBeLessThan((few / 20) * 1.1);
});
