import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import type { Screen } from "./screen.js";

export interface ChildOptions {
  readonly args?: readonly string[];
  /** Beside the environment of this process. */
  readonly env?: Readonly<Record<string, string>>;
  /** A line on its standard output. @default nothing is done with it */
  readonly onLine?: (line: string) => void;
  /** What it sends with `process.send`. */
  readonly onMessage?: (message: unknown) => void;
}

const LEASH = fileURLToPath(new URL("leash.mjs", import.meta.url));

/** A process that can be frozen, killed and started again. */
export class Child {
  readonly name: string;
  readonly #script: string;
  readonly #options: ChildOptions;
  readonly #say: (line: string) => void;
  #process: ChildProcess | null = null;
  #exited: Promise<number | null> = Promise.resolve(null);

  constructor(name: string, script: URL, options: ChildOptions, say: (line: string) => void) {
    this.name = name;
    this.#script = fileURLToPath(script);
    this.#options = options;
    this.#say = say;
  }

  /** `null` while it does not run. */
  get pid(): number | null {
    return this.#process?.pid ?? null;
  }

  start(): void {
    if (this.#process !== null) return;
    const { args = [], env = {}, onLine, onMessage } = this.#options;
    const child = spawn(
      process.execPath,
      ["--import", "tsx", "--import", LEASH, this.#script, ...args],
      // The channel also tells it when this process is gone.
      { env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "pipe", "ipc"] },
    );
    this.#process = child;
    linesOf(child.stdout, (line) => onLine?.(line));
    linesOf(child.stderr, (line) => {
      this.#say(`${this.name}: ${line}`);
    });
    if (onMessage !== undefined) child.on("message", onMessage);
    this.#exited = new Promise((resolve) => {
      child.once("exit", (code) => {
        if (this.#process === child) this.#process = null;
        resolve(code);
      });
    });
  }

  /** It stops where it is (SIGSTOP), and does not know. */
  freeze(): void {
    this.#process?.kill("SIGSTOP");
  }

  thaw(): void {
    this.#process?.kill("SIGCONT");
  }

  /** Ends it at once (SIGKILL), frozen or not. */
  async kill(): Promise<void> {
    this.#process?.kill("SIGKILL");
    await this.#exited;
  }

  /** Kills it if it runs, and starts it again. */
  async restart(): Promise<void> {
    await this.kill();
    this.start();
  }

  /** Asks it to end (SIGTERM), and kills it when it has not. Resolves with its exit code; `null`: killed. */
  async stop(withinMs = 5_000): Promise<number | null> {
    this.#process?.kill("SIGTERM");
    const timer = setTimeout(() => this.#process?.kill("SIGKILL"), withinMs);
    const code = await this.#exited;
    clearTimeout(timer);
    return code;
  }

  /** What the child sees when this process is gone. */
  abandon(): void {
    this.#process?.disconnect();
  }

  /** At once and without waiting, for the end of this process. */
  killNow(): void {
    this.#process?.kill("SIGKILL");
  }
}

function linesOf(stream: Readable | null, onLine: (line: string) => void): void {
  if (stream !== null) createInterface({ input: stream }).on("line", onLine);
}

/** The processes of a run. */
export class Children {
  readonly #all: Child[] = [];
  readonly #screen: Screen;
  #isOver = false;

  constructor(screen: Screen) {
    this.#screen = screen;
  }

  /** Starts `script` (TypeScript) as a process of its own. What it writes on its error output is shown with its name. */
  spawn(name: string, script: URL, options: ChildOptions = {}): Child {
    const child = new Child(name, script, options, (line) => {
      if (!this.#isOver) this.#screen.say(line);
    });
    this.#all.push(child);
    child.start();
    return child;
  }

  /** The run is over: what they say from now on is of what is taken away from them, and no news. */
  over(): void {
    this.#isOver = true;
  }

  async stop(withinMs: number): Promise<void> {
    await Promise.all(this.#all.map((child) => child.stop(withinMs)));
  }

  killAll(): void {
    for (const child of this.#all) child.killNow();
  }
}
