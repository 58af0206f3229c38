import { readFile } from "node:fs/promises";
import { build } from "esbuild";
import type { Store } from "../../src/core/ports/store.js";
import type { MemoryDeletion } from "./memory-deletions.js";
import { ownTests, suiteTests } from "./suite-tests.js";

export const MEMORY_FOLDER = "src/adapters/memory";

/** A piece of the memory store's source, and what stands there instead. */
export interface MemoryMutation {
  readonly key: string;
  readonly file: string;
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** Where a clause stands in its source. @throws Error when it does not stand there exactly once */
export function placeOf({ file, clause }: MemoryDeletion, source: string): { start: number; end: number } {
  // Prettier breaks lines where it likes: any space in a clause may be a line's end.
  const pattern = new RegExp(clause.replace(/[^\w ]/g, "\\$&").replaceAll(" ", "\\s+"), "g");
  const [found, ...more] = [...source.matchAll(pattern)];
  if (found === undefined || more.length > 0) throw new Error(`not exactly once in ${file}: ${clause}`);
  return { start: found.index, end: found.index + found[0].length };
}

/** The memory store from source, with one piece changed, or none; nothing is written to disk. */
export async function memoryStoreWith(mutation: MemoryMutation | null): Promise<() => Store> {
  const { outputFiles } = await build({
    entryPoints: [`${MEMORY_FOLDER}/store.ts`],
    bundle: true,
    write: false,
    format: "esm",
    plugins: [
      {
        name: "mutate",
        setup({ onLoad }) {
          if (mutation === null) return;
          const { file, start, end, text } = mutation;
          onLoad({ filter: new RegExp(`/memory/${file.replace(".", "\\.")}$`) }, async ({ path }) => {
            const source = await readFile(path, "utf8");
            return { contents: source.slice(0, start) + text + source.slice(end), loader: "ts" };
          });
        },
      },
    ],
  });
  const code = Buffer.from(outputFiles[0]!.contents).toString("base64");
  const module = (await import(/* @vite-ignore */ `data:text/javascript;base64,${code}`)) as {
    memoryStore: () => Store;
  };
  return module.memoryStore;
}

/** The first test that a store fails; `null`: it passes all. */
export async function firstFailure(makeStore: () => Store): Promise<string | null> {
  const create = async () => {
    const store = makeStore();
    return { store, close: () => store.close() };
  };
  const more = ownTests(create);
  for (const { title, run } of [...suiteTests(create), ...more]) {
    try {
      await run();
    } catch {
      return title;
    }
  }
  return null;
}
