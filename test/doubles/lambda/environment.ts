import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { NATIVE_CLIENT, requestId } from "./runtime-client.js";
import { RuntimeApi } from "./runtime-api.js";
import type { Outcome } from "./outcome.js";

export interface EnvironmentSettings {
  /** The file of the runtime client. */
  readonly client: string;
  readonly name: string;
  /** The folder of the deployment package. */
  readonly folder: string;
  /** File and export, as `index.handler`. */
  readonly handler: string;
  readonly timeoutMs: number;
  readonly environment: Readonly<Record<string, string>>;
  /** Where what it prints goes. @default nowhere */
  readonly log: (line: string) => void;
}

/** "Init phase": Lambda gives loading 10 s. */
const INIT_MS = 10_000;
const END_MS = 5_000;

/**
 * One execution environment: a process under Lambda's own runtime client. Between invocations it is frozen, as Lambda
 * freezes it ("Understanding the Lambda execution environment lifecycle"): whatever was left running there stands still.
 */
export class Environment {
  readonly #settings: EnvironmentSettings;
  readonly #api = new RuntimeApi();
  #process: ChildProcess | null = null;
  #ended: Promise<Outcome> = new Promise(() => undefined);
  /** Loading has a time of its own; `null`: the function is loaded. */
  #ready: Promise<Outcome | null> = new Promise(() => undefined);
  #isBusy = false;
  #isOver = false;

  constructor(settings: EnvironmentSettings) {
    this.#settings = settings;
  }

  get isFree(): boolean {
    return !this.#isBusy && !this.#isOver;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  async invoke(event: unknown): Promise<Outcome> {
    this.#isBusy = true;
    if (this.#process === null) await this.#start();
    else this.thaw();
    const { timeoutMs, name } = this.#settings;
    const failed = await this.#ready;
    if (failed !== null) return this.#over(failed);
    const timer = deadline(timeoutMs);
    const answer = this.#api.invoke({
      requestId: requestId(),
      event,
      deadlineMs: Date.now() + timeoutMs,
      functionArn: `arn:aws:lambda:us-east-1:123456789012:function:${name}`,
    });
    const outcome = await Promise.race([answer, this.#ended, timer.reached]);
    timer.cancel();
    this.#isBusy = false;
    return outcome.status === "answered" || outcome.status === "failed" ? outcome : this.#over(outcome);
  }

  /** Stops the process where it is, in the middle of an invocation too. */
  freeze(): void {
    this.#process?.kill("SIGSTOP");
  }

  thaw(): void {
    this.#process?.kill("SIGCONT");
  }

  async kill(): Promise<void> {
    this.#isOver = true;
    const child = this.#process;
    if (child !== null && child.exitCode === null && child.signalCode === null) {
      const exit = once(child, "exit");
      child.kill("SIGKILL");
      await Promise.race([exit, deadline(END_MS).reached]);
    }
    this.#api.close();
  }

  /** What failed to begin, crashed or ran out of time is not used again. */
  async #over(outcome: Outcome): Promise<Outcome> {
    this.#isBusy = false;
    await this.kill();
    return outcome;
  }

  async #start(): Promise<void> {
    const { client, name, folder, handler, environment, log } = this.#settings;
    const address = await this.#api.listen();
    const child = spawn(process.execPath, ["--import", NATIVE_CLIENT, client, handler], {
      cwd: folder,
      stdio: ["ignore", "pipe", "pipe"],
      env: {
        PATH: process.env["PATH"],
        ...environment,
        _HANDLER: handler,
        LAMBDA_TASK_ROOT: folder,
        AWS_LAMBDA_RUNTIME_API: address,
        AWS_LAMBDA_FUNCTION_NAME: name,
        AWS_LAMBDA_FUNCTION_VERSION: "$LATEST",
        AWS_LAMBDA_FUNCTION_MEMORY_SIZE: "256",
        AWS_LAMBDA_INITIALIZATION_TYPE: "on-demand",
        AWS_LAMBDA_LOG_GROUP_NAME: `/aws/lambda/${name}`,
        AWS_LAMBDA_LOG_STREAM_NAME: "one",
      },
    });
    this.#process = child;
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        for (const line of text.split("\n")) if (line !== "") log(line);
      });
    }
    this.#ended = new Promise((resolve) => {
      this.#api.onInitError = (body) => {
        resolve({ status: "init_failed", body });
      };
      child.once("exit", () => {
        resolve({ status: "crashed" });
      });
    });
    const loaded = new Promise<null>((resolve) => {
      this.#api.onIdle = () => {
        resolve(null);
        if (!this.#isBusy) this.freeze();
      };
    });
    const timer = deadline(INIT_MS);
    this.#ready = Promise.race([loaded, this.#ended, timer.reached]).finally(() => {
      timer.cancel();
    });
  }
}

/** Lambda ends what takes longer. */
function deadline(ms: number): { readonly reached: Promise<Outcome>; cancel(): void } {
  let timer: NodeJS.Timeout | undefined;
  const reached = new Promise<Outcome>((resolve) => {
    timer = setTimeout(() => {
      resolve({ status: "timed_out" });
    }, ms);
  });
  return {
    reached,
    cancel: () => {
      clearTimeout(timer);
    },
  };
}
