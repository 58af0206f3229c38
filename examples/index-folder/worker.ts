// A worker process: `worker.ts NAME STORE INDEX`. Runs until it is told to stop, or killed.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { documentIndex } from "./document-index.job.js";
import { chunk, openIndex, parse, termsOf } from "./indexer.js";
import { openWaybill } from "./open-waybill.js";

const [name = "worker", storeFile = "", indexFile = ""] = process.argv.slice(2);
const index = openIndex(indexFile);

/** So that a person can follow: real documents of this size are indexed in no time. */
const PER_CHUNK_MS = 60;

const handler = documentIndex.handle(async ({ input, phase, progress, signal }) => {
  phase("parsing");
  const document = parse(await readFile(join(input.root, input.path), "utf8"));
  phase("chunking");
  const chunks = chunk(document);
  phase("indexing", `Indexing ${document.title === "" ? input.path : document.title}`);
  index.clear(input.path);
  const terms = new Set<string>();
  for (const [position, text] of chunks.entries()) {
    // The job may have been given to another worker by now: stop writing.
    signal.throwIfAborted();
    index.add(input.path, position, text);
    for (const term of termsOf(text)) terms.add(term);
    progress({ total: chunks.length, done: position + 1 });
    await sleep(PER_CHUNK_MS);
  }
  return { chunks: chunks.length, words: chunks.join(" ").split(" ").length, terms: terms.size };
});

const { waybill, close } = openWaybill(storeFile);
const stop = new AbortController();
process.once("SIGTERM", () => {
  stop.abort();
});
await waybill.worker([handler], { concurrency: 2, name, pollIntervalMs: 100 }).run({ signal: stop.signal });
await close();
index.close();
