import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Children } from "./children.js";
import { openScreen, type Screen } from "./screen.js";

/** What a run of an example has around it. */
export interface Stage {
  /** `false` with `--fault none`: everything happens but the fault. */
  readonly withFault: boolean;
  /** Whether this one of several faults happens: `--fault NAME` is that one alone. */
  hasFault(name: string): boolean;
  /** `true` with `--fast`: the same triggers, shorter waits. */
  readonly fast: boolean;
  /** An empty folder of this run, removed at its end. */
  readonly folder: string;
  readonly screen: Screen;
  readonly children: Children;
  /** Aborted when the run is interrupted. */
  readonly signal: AbortSignal;
  /** On a terminal: resolves when somebody has opened the page, or after 10 s without anybody. In a pipe: at once. */
  visit(visited: Promise<unknown>): Promise<void>;
  /** Closes something at the end, the newest first, however the run ends. */
  atEnd(close: () => unknown): void;
}

export interface RunOptions {
  /** The names of the faults, where there are several. */
  readonly faults?: readonly string[];
  /** There is a page to look at: on a terminal it is served after the verdict too, until Ctrl-C. @default false */
  readonly page?: boolean;
}

/** What children and servers have to end by themselves. */
const STOP_MS = 5_000;
/** How long a run waits for somebody who was told where to look. */
const VISITOR_MS = 10_000;

/**
 * Runs an example with what it needs around it, and ends the process: 0 only if the verdict is true, 130 after Ctrl-C.
 *
 * @param play - resolves with whether the verdict is true
 */
export async function runExample(
  play: (stage: Stage) => Promise<boolean>,
  options: RunOptions = {},
): Promise<never> {
  const { fault, fast } = optionsOf(process.argv.slice(2), options.faults ?? []);
  const folder = await mkdtemp(join(tmpdir(), "waybill-example-"));
  const interruption = new AbortController();
  const closers: (() => unknown)[] = [];
  const screen = openScreen(process.stdout);
  const children = new Children(screen);
  const stage: Stage = {
    ...{ withFault: fault !== "none", fast, folder, screen, children, signal: interruption.signal },
    hasFault: (name) => fault === "all" || fault === name,
    async visit(visited) {
      if (!process.stdout.isTTY) return;
      screen.say("It begins when somebody looks, or in 10 s.");
      await within(VISITOR_MS, Promise.race([visited, abortOf(interruption.signal)]));
    },
    atEnd: (close) => void closers.push(close),
  };
  let verdict: boolean | null = null;
  const end = async (code: number): Promise<never> => {
    interruption.abort();
    // The verdict is the last line.
    children.over();
    await within(STOP_MS, closeAll([...closers.reverse(), () => children.stop(STOP_MS - 500)]));
    children.killAll();
    // A child that was killed a moment ago may still be writing there; what is left of a run says nothing of its verdict.
    await rm(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 }).catch(() => {
      screen.say(`Left behind: ${folder}`);
    });
    process.exit(code);
  };
  const interrupted = new Promise<void>((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
      process.on(signal, () => {
        if (interruption.signal.aborted) {
          children.killAll();
          process.exit(130);
        }
        resolve();
        screen.say("Stopping");
        void end(verdict === null ? 130 : codeOf(verdict));
      });
    }
  });
  try {
    verdict = await play(stage);
    if (options.page === true && process.stdout.isTTY) {
      screen.say("The page is served until Ctrl-C.");
      await interrupted;
    }
  } catch (error) {
    // What an interruption tears down fails, and is no news.
    if (!interruption.signal.aborted) screen.say(`✗ ${textOf(error)}`);
  }
  // The interruption ends the process by itself.
  if (interruption.signal.aborted) return new Promise<never>(() => undefined);
  return end(codeOf(verdict));
}

/** What ends a run with one sentence, because something is missing on this machine. */
export class CannotRun extends Error {
  override readonly name = "CannotRun";
}

function optionsOf(
  args: readonly string[],
  faults: readonly string[],
): { readonly fault: string; readonly fast: boolean } {
  const { values } = parseArgs({
    args: [...args],
    options: { fault: { type: "string", default: "all" }, fast: { type: "boolean", default: false } },
    strict: true,
  });
  const known = ["all", "none", ...faults];
  if (known.includes(values.fault)) return values;
  console.error(`--fault takes ${known.join(", ")}; not ${values.fault}.`);
  process.exit(2);
}

/** One after the other: what was opened last may need what was opened before it. */
async function closeAll(closers: readonly (() => unknown)[]): Promise<void> {
  for (const close of closers) {
    try {
      await close();
    } catch {
      // The rest is to be closed whatever became of one.
    }
  }
}

function abortOf(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    signal.addEventListener("abort", () => {
      resolve();
    });
  });
}

async function within(ms: number, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, ms)));
  await Promise.race([work, late]);
  clearTimeout(timer);
}

function codeOf(verdict: boolean | null): number {
  return verdict === true ? 0 : 1;
}

function textOf(error: unknown): string {
  if (error instanceof CannotRun) return error.message;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
