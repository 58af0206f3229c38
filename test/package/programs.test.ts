import { join } from "node:path";
import { expect, it } from "vitest";
import { projectWith } from "./support/installed-package.js";
import { repository, run } from "./support/run.js";

const tsc = join(repository, "node_modules", "typescript", "bin", "tsc");

/** What the compiler says of a program of somebody else: their settings, the installed package's declarations. */
async function compiled(files: Readonly<Record<string, string>>, options: object = {}): Promise<string[]> {
  const compilerOptions = {
    ...{ module: "NodeNext", target: "ES2022", lib: ["ES2022"], types: ["node"] },
    ...{ strict: true, skipLibCheck: true, outDir: "out", ...options },
  };
  const project = await projectWith({
    uses: ["@types/node", "zod"],
    files: { ...files, "tsconfig.json": JSON.stringify({ compilerOptions, files: Object.keys(files) }) },
  });
  const { stdout } = await run(project, process.execPath, tsc, "-p", ".", "--pretty", "false");
  return stdout.split("\n").filter((line) => line.includes("error TS"));
}

const RECOVER = `defineJob({
  kind: "recover",
  input: z.object({ plan: z.string() }),
  output: z.object({ ready: z.number() }),
  phases: ["launching", "converting"],
  external: z.object({ id: z.string() }),
})`;

it("an ESM program takes definitions and handlers of a CommonJS package", async () => {
  const errors = await compiled({
    "jobs.cts": `import { defineJob, isWaybillError, type Job } from "waybill";
      import { z } from "zod";
      export const recover = ${RECOVER};
      export const handler = recover.handle({
        run: ({ track, done, input }) => (input.plan === "" ? done({ ready: 0 }) : track({ id: input.plan })),
        poll: () => ({ state: "done", output: { ready: 1 } }),
      });
      export const readyOf = (job: Job<typeof recover>): number =>
        job.status === "COMPLETED" ? job.output.ready : 0;
      export const failed = (error: unknown): string | null =>
        isWaybillError(error, "result.job_failed") ? error.reason : null;`,
    "app.mts": `import { createWaybill, type Done, memoryStore, toView, type Tracked } from "waybill";
      import { handler, readyOf, recover } from "./jobs.cjs";
      export const waybill = createWaybill({ jobs: [recover], store: memoryStore() });
      export const worker = waybill.worker([handler]);
      const job = await waybill.submit(recover, { plan: "p" }).unwrap();
      export const told = [readyOf(job), toView(recover, job)];
      type Run = Parameters<typeof recover.handle>[0]["run"];
      declare const tracked: Tracked<{ id: string }>;
      declare const done: Done<{ ready: number }>;
      export const runs: Run[] = [() => tracked, async () => done];`,
  });
  expect(errors).toEqual([]);
});

it.each([{ declaration: true }, { composite: true }])(
  "declarations of a program name what its functions return: %j",
  async (options) => {
    const program = `import { createWaybill, defineJob, memoryStore, steps, tally, toView, toListedView } from "waybill";
      import * as core from "waybill";
      import { z } from "zod";
      export const recover = ${RECOVER};
      export const waybill = createWaybill({
        jobs: [recover],
        store: memoryStore(),
        notifiers: { ui: core.memoryNotifier() },
      });
      type Run = Parameters<typeof recover.handle>[0]["run"];
      type Context = Parameters<Run>[0];
      export function begin({ track }: Context, id: string) { return track({ id }); }
      export function end({ done }: Context, ready: number) { return done({ ready }); }
      export async function story(id: string) {
        const job = await waybill.get(recover, id);
        return job === null ? null : { steps: steps(recover, job), view: toView(recover, job), word: recover.word(job) };
      }
      export async function newest() {
        const page = await waybill.list({ kind: "recover" });
        return page.items.map((job) => toListedView(recover, job));
      }
      export const counts = () => tally([1, 2], (n) => (n > 1 ? "many" : "one"), ["one", "many"]);
      export const submit = (plan: string) => waybill.submit(recover, { plan });
      export const cancel = (id: string) => waybill.cancel(id);
      export const retry = (id: string) => waybill.rerun(recover, id, { input: { plan: "p" } });
      export const seen = (id: string) => waybill.report(recover, { ref: { id } }, { state: "failed", message: "no" });
      export const trail = (id: string) => waybill.history(id);
      export const watched = (id: string) => waybill.watch(id);
      export const observed = () => waybill.observe({ kind: "recover" });
      export const left = () => waybill.undelivered();
      export const again = (item: Awaited<ReturnType<typeof left>>["items"][number]) => waybill.redeliver(item);
      export const parked = () => waybill.parked();
      export const health = () => waybill.health();
      export const pass = () => waybill.reconcile();
      export const intake = () => waybill.intake([]);
      export const relay = () => waybill.relay();
      export const abort = (context: Context) => context.signal.reason as core.HandlerAborted;
      export const why = (context: Context) => abort(context).reason;
      export const parts = () => [core.memoryQueue(), core.memoryFeed(), core.systemClock, core.servedElsewhere()] as const;`;
    expect(await compiled({ "app.mts": program }, options)).toEqual([]);
  },
);

it("a program without strictNullChecks has words, filters and answers, where it compares with false", async () => {
  const program = `import { createWaybill, defineJob, type Job, memoryStore } from "waybill";
    import { z } from "zod";
    export const plain = defineJob({ kind: "plain", input: z.object({ a: z.string() }) });
    export const recover = defineJob({
      kind: "recover",
      input: z.object({ plan: z.string() }),
      output: z.object({ ready: z.number() }),
      progress: z.object({ done: z.number() }),
      phases: ["launching"],
      words: { PENDING: "WAITING", QUEUED: "WAITING", PROCESSING: "RUNNING", COMPLETED: "READY", FAILED: "BROKEN" },
    });
    export const waybill = createWaybill({ jobs: [plain, recover], store: memoryStore() });
    export const handlers = [
      plain.handle(async ({ input }) => { input.a.length; }),
      recover.handle(async ({ progress, phase }) => { phase("launching"); progress({ done: 1 }); return { ready: 1 }; }),
    ];
    export const worker = waybill.worker(handlers);
    export async function main(): Promise<"READY" | "RUNNING" | "WAITING" | "BROKEN" | number> {
      const answer = await waybill.submit(recover, { plan: "p" });
      if (answer.ok === false) throw new Error(answer.error.code);
      const job = answer.value;
      const word: "READY" | "RUNNING" | "WAITING" | "BROKEN" = job.word;
      const status: "PENDING" | "QUEUED" | "PROCESSING" | "COMPLETED" | "FAILED" = plain.word({ status: "FAILED" });
      const said: "READY" | "RUNNING" | "WAITING" | "BROKEN" = recover.word(job);
      await waybill.list({ kind: "recover", word: "READY" });
      if (job.status === "COMPLETED") return job.output.ready;
      return status === "FAILED" ? said : word;
    }
    type Is<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
    type Status = "PENDING" | "QUEUED" | "PROCESSING" | "COMPLETED" | "FAILED";
    declare const one: Job<typeof plain>;
    declare const other: Job<typeof recover>;
    const failed = plain.word({ status: "FAILED" });
    export const all: [
      Is<typeof one.word, Status>,
      Is<typeof other.word, "WAITING" | "RUNNING" | "READY" | "BROKEN">,
      Is<typeof failed, "FAILED">,
    ] = [true, true, true];
    export const listed = () => waybill.list({ kind: "plain", word: "FAILED" });
    // @ts-expect-error -- not a word of the kind
    export const wrong = () => waybill.list({ kind: "recover", word: "READDY" });
    // @ts-expect-error -- not of the input
    export const worse = () => waybill.submit(recover, { plan: 1 });`;
  expect(await compiled({ "app.mts": program }, { strict: false })).toEqual([]);
});
