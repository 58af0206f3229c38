// An engine on plain files: everything in memory, every commit a line in a journal that is synced before it is answered.
import { existsSync } from "node:fs";
import { type FileHandle, open, readdir, readFile, truncate } from "node:fs/promises";
import { join } from "node:path";
import { StoreUnavailableError } from "waybill";
import type { Commit, Engine, Entry, Range } from "./engine.js";

type Line = readonly (readonly [key: string, value: string | null])[];

/**
 * Opens the journal in a folder, which must exist, on a local disk. Whoever opens it takes it over: from then on an engine
 * that had it open answers nothing any more, in this process or in another one.
 */
export async function openJournal(folder: string): Promise<Engine & { close(): Promise<void> }> {
  const { file, number } = await takeNumber(folder);
  const journal = new Journal(folder, number, file);
  try {
    const older = (await numbersIn(folder)).filter((candidate) => candidate < number);
    for (const line of await newestOf(folder, older)) journal.replay(line);
    await journal.begin();
    // What is emptied keeps its number: a number that came again would be no fence.
    for (const candidate of older) await truncate(pathOf(folder, candidate));
    return journal;
  } catch (error) {
    await journal.close();
    throw error;
  }
}

/** The lines of the newest file that has some: an empty one was replaced, or its engine died before it had a first line. */
async function newestOf(folder: string, numbers: readonly number[]): Promise<readonly Line[]> {
  for (const number of [...numbers].reverse()) {
    const lines = linesOf(await readFile(pathOf(folder, number), "utf8"));
    if (lines.length > 0) return lines;
  }
  return [];
}

/** Makes the next file. Its being there is the fence: the engine on the file before it finds it and stops. */
async function takeNumber(folder: string): Promise<{ file: FileHandle; number: number }> {
  for (let number = ((await numbersIn(folder)).at(-1) ?? 0) + 1; ; number += 1) {
    try {
      return { file: await open(pathOf(folder, number), "ax"), number };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
  }
}

async function numbersIn(folder: string): Promise<number[]> {
  const numbers = (await readdir(folder)).map((name) => Number(/^(\d+)\.jsonl$/.exec(name)?.[1] ?? 0));
  return numbers.filter((number) => number > 0).sort((a, b) => a - b);
}

function pathOf(folder: string, number: number): string {
  return join(folder, `${String(number).padStart(6, "0")}.jsonl`);
}

/** A crash may leave a last line that is cut off, or whose middle never reached the disk: it was not answered. */
function linesOf(text: string): readonly Line[] {
  const lines = text.split("\n").slice(0, -1);
  return lines.flatMap((line, index) => {
    try {
      return [JSON.parse(line) as Line];
    } catch (cause) {
      if (index < lines.length - 1)
        throw new Error(`Line ${index + 1} of the journal is damaged.`, { cause });
      return [];
    }
  });
}

class Journal implements Engine {
  readonly durability = "local";
  readonly shared = false;
  readonly #file: FileHandle;
  readonly #successor: string;
  readonly #folder: string;
  readonly #entries = new Map<string, Entry>();
  /** Every key, in order. */
  readonly #keys: string[] = [];
  #commits = 0;
  #stopped = false;
  #last: Promise<unknown> = Promise.resolve();

  constructor(folder: string, number: number, file: FileHandle) {
    this.#folder = folder;
    this.#successor = pathOf(folder, number + 1);
    this.#file = file;
  }

  async get(keys: readonly string[]): Promise<readonly (Entry | null)[]> {
    this.#requireOwner();
    return keys.map((key) => this.#entries.get(key) ?? null);
  }

  async scan({ after, below, limit, newestFirst = false }: Range): Promise<readonly Entry[]> {
    this.#requireOwner();
    const [start, end] = [this.#place(`${after}\0`), this.#place(below)];
    const keys = newestFirst
      ? this.#keys.slice(Math.max(start, end - limit), end).reverse()
      : this.#keys.slice(start, Math.min(end, start + limit));
    return keys.flatMap((key) => this.#entries.get(key) ?? []);
  }

  commit(commit: Commit): Promise<boolean> {
    const answer = this.#last.then(() => this.#commit(commit));
    this.#last = answer.catch(() => undefined);
    return answer;
  }

  async close(): Promise<void> {
    await this.#last;
    this.#stopped = true;
    await this.#file.close();
  }

  /** Applies what is durable already. */
  replay(line: Line): void {
    this.#commits += 1;
    for (const [key, value] of line) {
      const place = this.#place(key);
      const known = this.#keys[place] === key;
      if (value === null && known) this.#keys.splice(place, 1);
      if (value !== null && !known) this.#keys.splice(place, 0, key);
      if (value === null) this.#entries.delete(key);
      else this.#entries.set(key, { key, value, version: String(this.#commits) });
    }
  }

  /** Copies all that is there into the own file, so that the older ones are not needed any more. */
  async begin(): Promise<void> {
    await this.#append([...this.#entries.values()].map(({ key, value }) => [key, value]));
    const folder = await open(this.#folder, "r");
    await folder.sync().finally(() => folder.close());
  }

  async #commit({ checks, changes }: Commit): Promise<boolean> {
    this.#requireOwner();
    for (const [key, version] of checks) {
      if ((this.#entries.get(key)?.version ?? null) !== version) return false;
    }
    await this.#append([...changes]);
    this.replay([...changes]);
    return true;
  }

  /** After a failed sync nobody knows what the disk holds: the engine stops, and opening it again finds out. */
  async #append(line: Line): Promise<void> {
    try {
      await this.#file.appendFile(`${JSON.stringify(line)}\n`);
      await this.#file.datasync();
      // One that took over before the line was durable may not have read it.
      this.#requireOwner();
    } catch (cause) {
      this.#stopped = true;
      throw new StoreUnavailableError("The journal could not be written to.", { outcome: "unknown", cause });
    }
  }

  #requireOwner(): void {
    if (!this.#stopped && !existsSync(this.#successor)) return;
    this.#stopped = true;
    const sentence = "The journal is closed, has failed or was opened by another one.";
    throw new StoreUnavailableError(sentence, { outcome: "not_applied" });
  }

  /** Where a key is among the others, or would be. */
  #place(key: string): number {
    let [low, high] = [0, this.#keys.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#keys[middle] ?? key) < key) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
