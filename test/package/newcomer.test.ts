import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { projectWith } from "./support/installed-package.js";
import { mustRun, repository, run } from "./support/run.js";

/** The README's first program, as a newcomer copies it. */
async function helloOfReadme(): Promise<string> {
  const readme = await readFile(join(repository, "README.md"), "utf8");
  const hello = /^```js\n(\/\/ hello\.mjs\n[\s\S]*?)^```/m.exec(readme)?.[1];
  if (hello === undefined) throw new Error("The README has no hello.mjs");
  return hello;
}

it("runs the README's hello.mjs to COMPLETED, and the process ends by itself", async () => {
  const project = await projectWith({ files: { "hello.mjs": await helloOfReadme() }, uses: ["zod"] });
  const lines = (await mustRun(project, process.execPath, "hello.mjs")).trim().split("\n");
  const versions = lines.map((line) => Number.parseInt(line, 10));
  expect(versions).toEqual([...new Set(versions)].sort((a, b) => a - b));
  expect(lines.at(-1)).toMatch(/^\d+ COMPLETED Hello Ana$/);
});

it("keeps both phases of hello.mjs in the history", async () => {
  const story = `console.log(JSON.stringify(await waybill.history(job.id)));\nawait worker.stop();`;
  const hello = (await helloOfReadme()).replace("await worker.stop();", story);
  const project = await projectWith({ files: { "hello.mjs": hello }, uses: ["zod"] });
  const lines = (await mustRun(project, process.execPath, "hello.mjs")).trim().split("\n");
  const { events } = JSON.parse(lines.at(-1) ?? "") as { events: { type: string; phase: string | null }[] };
  const phases = events.filter((event) => event.type === "job.phase").map((event) => event.phase);
  expect(phases).toEqual(["thinking", "writing"]);
});

const MISTAKES = `
import { createWaybill, defineJob, isWaybillError, memoryStore } from "waybill";
import { z } from "zod";
const greet = defineJob({ kind: "greet", input: z.object({ name: z.string() }) });
const other = defineJob({ kind: "other", input: z.object({}) });
const waybill = createWaybill({ jobs: [greet], store: memoryStore() });
const say = (error) => console.log(JSON.stringify({ known: isWaybillError(error), code: error.code, message: error.message, docs: error.docs }));
const refused = await waybill.submit(greet, { nmae: "Ana" });
say(refused.error);
for (const mistake of [
  () => waybill.submit(other, {}),
  () => waybill.worker([other.handle(async () => null)]),
  () => waybill.worker([greet.handle(async () => null), greet.handle(async () => null)]),
  () => waybill.worker([]),
  () => createWaybill({ jobs: [greet, greet], store: memoryStore() }),
]) {
  try { await mistake(); console.log("no error"); } catch (error) { say(error); }
}
console.log((await waybill.list({ kind: "greet" })).items.length);
`;

it("answers a newcomer's mistakes with one sentence each, and writes nothing", async () => {
  const project = await projectWith({ files: { "mistakes.mjs": MISTAKES }, uses: ["zod"] });
  const lines = (await mustRun(project, process.execPath, "mistakes.mjs")).trim().split("\n");
  const errors = lines.slice(0, -1).map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(errors.map((error) => error["code"])).toEqual([
    "input.invalid",
    "config.kind_unknown",
    "config.kind_unknown",
    "config.invalid",
    "config.invalid",
    "config.invalid",
  ]);
  for (const error of errors) expect(error["known"]).toBe(true);
  expect(errors[0]?.["message"]).toMatch(/at name: .*expected string/);
  expect(errors[0]?.["docs"]).toBe("docs/errors.md#inputinvalid");
  expect(lines.at(-1)).toBe("0");
});

const SURVIVE = `
import Database from "libsql";
import { createWaybill, defineJob } from "waybill";
import { sqliteStore } from "waybill/sqlite";
import { z } from "zod";
const report = defineJob({ kind: "report", input: z.object({ month: z.number() }), output: z.object({ pages: z.number() }), leaseMs: 2_000 });
const db = new Database("jobs.db");
const waybill = createWaybill({ jobs: [report], store: sqliteStore({ db }) });
const job = await waybill.submit(report, { month: 5 }, { idempotencyKey: "may" }).unwrap();
console.log(job.id);
const worker = waybill.worker([report.handle(async ({ attempt }) => {
  if (attempt === 1) process.kill(process.pid, "SIGKILL");
  return { pages: 12 };
})]);
void worker.run();
const { pages } = await waybill.result(report, job.id);
const done = await waybill.get(report, job.id);
console.log(done.status, done.attempt, pages);
await worker.stop();
db.close();
`;

it("finishes a job whose process was killed inside the handler, under the same id", async () => {
  const project = await projectWith({ files: { "survive.mjs": SURVIVE }, uses: ["zod", "libsql"] });
  const killed = await run(project, "sh", "-c", `"${process.execPath}" survive.mjs; echo "ended with $?"`);
  const [id, ended] = killed.stdout.trim().split("\n");
  expect(ended).toBe("ended with 137");
  const lines = (await mustRun(project, process.execPath, "survive.mjs")).trim().split("\n");
  expect(lines).toEqual([id, "COMPLETED 2 12"]);
});
