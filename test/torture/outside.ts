import {
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { Plan } from "./kinds.js";

interface Operation {
  readonly endsAt: number;
  readonly ends: Plan["outsideEnds"];
}

const STOPPED = ".cancel";

/** How outside work stands. */
export type Sighting = "open" | "done" | "failed" | "cancelled" | "unknown";

/** The service that tracked work runs in: a folder beside the workers, so that it goes on whoever is killed. */
export class Outside {
  readonly #folder: string;
  #made = 0;

  constructor(folder: string) {
    mkdirSync(folder, { recursive: true });
    this.#folder = folder;
  }

  /** The same key launches once, whoever asks and however often. */
  launch(key: string, plan: Plan, life: string): string {
    const operation = key.replaceAll(":", "_");
    const written: Operation = { endsAt: Date.now() + plan.outsideMs, ends: plan.outsideEnds };
    this.#once(this.#path(operation), JSON.stringify(written), life);
    return operation;
  }

  look(operation: string, now = Date.now()): Sighting {
    const path = this.#path(operation);
    if (!existsSync(path)) return "unknown";
    const { endsAt, ends } = JSON.parse(readFileSync(path, "utf8")) as Operation;
    const stop = path + STOPPED;
    if (existsSync(stop) && Number(readFileSync(stop, "utf8")) < endsAt) return "cancelled";
    return endsAt <= now ? ends : "open";
  }

  /** How everything that was launched stands. */
  all(): ReadonlyMap<string, Sighting> {
    const operations = readdirSync(this.#folder).filter(
      (name) => !name.startsWith(".") && !name.endsWith(STOPPED),
    );
    return new Map(operations.map((operation) => [operation, this.look(operation)]));
  }

  cancel(operation: string, life: string): void {
    this.#once(this.#path(operation) + STOPPED, String(Date.now()), life);
  }

  #path(operation: string): string {
    return join(this.#folder, operation);
  }

  /** A file appears whole, or not at all; the first stays. */
  #once(path: string, text: string, life: string): void {
    this.#made += 1;
    const draft = join(this.#folder, `.draft-${life}-${String(this.#made)}`);
    writeFileSync(draft, text);
    try {
      linkSync(draft, path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    } finally {
      unlinkSync(draft);
    }
  }
}
