import { type ChildProcess, fork } from "node:child_process";
import { join } from "node:path";
import type { Answer, Message, Task } from "./tasks.js";

/** Where `build.mjs` put the benchmark. */
export const BUILT = process.env["WAYBILL_BENCH_BUILT"] ?? "";
/** Nothing that is measured takes nearly as long. */
const GIVE_UP_MS = 300_000;

/** A task under way in a process of its own. */
export interface Running {
  /** It is about to begin, or works already. */
  readonly ready: Promise<void>;
  readonly answer: Promise<Answer>;
  /** Lets a task begin that waits for it, or go on. */
  go(): void;
  /** Tells of each outcome that it says to be stored. */
  onStored(listener: () => void): void;
}

/** @param flags - for node, as `--cpu-prof` */
export function start(task: Task, flags: readonly string[] = []): Running {
  const child = fork(join(BUILT, "lib/child.mjs"), {
    execArgv: [...flags],
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  const ready = heard(child, "ready").then(() => undefined);
  const done = heard(child, "done");
  // Whoever waits for the answer hears of a failure; nobody need wait for the beginning.
  ready.catch(() => undefined);
  const answer = Promise.race([done, late(task)]).then(async (message) => {
    if (message.say !== "done") throw new Error("a process of the benchmark answered out of turn");
    await exit(child);
    return message.answer;
  });
  child.send(task);
  const onStored = (listener: () => void): void => {
    child.on("message", (message: Message) => {
      if (message.say === "stored") listener();
    });
  };
  const go = (): void => {
    if (child.connected) child.send("go");
  };
  return { ready, answer, go, onStored };
}

export async function run(task: Task, flags: readonly string[] = []): Promise<Answer> {
  const running = start(task, flags);
  if (task.do === "submit")
    void running.ready.then(
      () => {
        running.go();
      },
      () => undefined,
    );
  return running.answer;
}

function heard(child: ChildProcess, what: Message["say"]): Promise<Message> {
  return new Promise((resolve, reject) => {
    child.on("message", (message: Message) => {
      if (message.say === what) resolve(message);
    });
    child.once("error", reject);
    child.once("exit", (code) => {
      reject(new Error(`a process of the benchmark ended with ${String(code)} before it was done`));
    });
  });
}

async function exit(child: ChildProcess): Promise<void> {
  if (child.exitCode === null) await new Promise((resolve) => child.once("exit", resolve));
}

async function late(task: Task): Promise<never> {
  await new Promise((resolve) => setTimeout(resolve, GIVE_UP_MS).unref());
  throw new Error(`${task.do} with ${task.module} took longer than ${GIVE_UP_MS / 1_000} s`);
}
