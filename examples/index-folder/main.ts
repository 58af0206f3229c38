// Indexes a folder of Markdown: one job a file, two worker processes, one killed midway. `main.ts [FOLDER]`
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { documentIndex } from "./document-index.job.js";
import { markdownFiles } from "./files.js";
import { openIndex } from "./indexer.js";
import { openWaybill } from "./open-waybill.js";
import { type IndexJob, openScreen, pathOf } from "./screen.js";
import { judge, story } from "./verdict.js";

const REPOSITORY = fileURLToPath(new URL("../..", import.meta.url));
const root = resolve(process.argv[2] ?? REPOSITORY);
const room = await mkdtemp(join(tmpdir(), "waybill-demo-"));
const storeFile = join(room, "jobs.db");
const indexFile = join(room, "index.db");
const screen = openScreen(process.stdout);
const { waybill, close } = openWaybill(storeFile);
const index = openIndex(indexFile);
const workers = new Map<string, ChildProcess>();

/** Longer than any demo; a machine that is this slow has another problem. */
const PATIENCE_MS = 120_000;

try {
  process.exitCode = (await run()) ? 0 : 1;
} finally {
  for (const child of workers.values()) child.kill("SIGKILL");
  await close();
  index.close();
  await rm(room, { recursive: true, force: true });
}

async function run(): Promise<boolean> {
  const paths = await markdownFiles(root);
  if (paths.length < 4) {
    screen.say(
      `There are only ${String(paths.length)} Markdown files in ${root}: give a folder with at least 4.`,
    );
    return false;
  }
  screen.say(
    `Indexing ${String(paths.length)} Markdown files of ${root}, one job each, by two worker processes.\n`,
  );
  const submitted = await waybill.submitMany(
    documentIndex,
    paths.map((path) => ({ input: { root, path } })),
  );
  const refused = submitted.filter((result) => !result.ok).length;
  for (const name of ["worker-1", "worker-2"]) workers.set(name, startWorker(name));
  const jobs = await work();
  screen.keep();
  await stopWorkers();
  return refused === 0 && report(paths.length, jobs);
}

function startWorker(name: string): ChildProcess {
  const script = fileURLToPath(new URL("worker.ts", import.meta.url));
  const child = spawn(process.execPath, ["--import", "tsx", script, name, storeFile, indexFile], {
    stdio: ["ignore", "inherit", "inherit"],
  });
  return child;
}

/** Shows the jobs until all are final, and kills a worker once a third is done. */
async function work(): Promise<readonly IndexJob[]> {
  const endAt = Date.now() + PATIENCE_MS;
  let killed = false;
  for (;;) {
    const jobs = await allJobs();
    screen.show(jobs);
    const done = jobs.filter((job) => job.status === "COMPLETED" || job.status === "FAILED").length;
    if (done === jobs.length || Date.now() > endAt) return jobs;
    if (!killed && done >= jobs.length / 3) killed = await killBusyWorker();
    await sleep(120);
  }
}

/** Kills worker-1 while it holds a job: it is frozen first, so that what the store says of it cannot change meanwhile. */
async function killBusyWorker(): Promise<boolean> {
  const victim = workers.get("worker-1");
  if (victim === undefined) return false;
  victim.kill("SIGSTOP");
  const held = (await allJobs()).filter(
    (job) => job.status === "PROCESSING" && job.worker?.name === "worker-1",
  );
  if (held.length === 0) {
    victim.kill("SIGCONT");
    return false;
  }
  victim.kill("SIGKILL");
  workers.delete("worker-1");
  screen.say(`✗ worker-1 was killed (SIGKILL) while it held: ${held.map(pathOf).join(", ")}\n`);
  return true;
}

async function allJobs(): Promise<readonly IndexJob[]> {
  const jobs: IndexJob[] = [];
  let cursor: string | undefined;
  do {
    const page = await waybill.list({
      kind: documentIndex.kind,
      limit: 100,
      ...(cursor === undefined ? {} : { cursor }),
    });
    jobs.push(...page.items);
    cursor = page.next ?? undefined;
  } while (cursor !== undefined);
  return jobs;
}

async function stopWorkers(): Promise<void> {
  for (const child of workers.values()) {
    child.kill("SIGTERM");
    await Promise.race([once(child, "exit"), sleep(5_000)]);
  }
}

async function report(files: number, jobs: readonly IndexJob[]): Promise<boolean> {
  const verdict = await judge(waybill, index, jobs);
  const [example] = verdict.recovered;
  const term = "lease";
  const answers = [
    ["files", String(files)],
    ["jobs in the store", String(verdict.jobs)],
    ["completed", String(verdict.completed)],
    ["recovered from the kill", String(verdict.recovered.length)],
    ["outcomes recorded twice", String(verdict.recordedTwice)],
    ["outputs that differ from the index", String(verdict.wrong)],
  ];
  screen.say("\nWhat the store says:");
  for (const [question = "", answer = ""] of answers) screen.say(`  ${question.padEnd(36)} ${answer}`);
  if (example !== undefined) {
    screen.say(`\nThe history of ${pathOf(example)}, recovered at attempt ${String(example.attempt)}:`);
    for (const line of await story(waybill, example.id)) screen.say(line);
  }
  const hits = index.search(term).map(({ path, hits: count }) => `${path} (${String(count)})`);
  screen.say(
    `\nAnd the index answers: "${term}" is in ${hits.length === 0 ? "no document" : hits.join(", ")}`,
  );
  const good =
    verdict.jobs === files &&
    verdict.completed === files &&
    verdict.recovered.length > 0 &&
    verdict.recordedTwice === 0 &&
    verdict.wrong === 0;
  screen.say(good ? "\n✓ All of it is true of the store." : "\n✗ Something is not as it should be.");
  return good;
}
