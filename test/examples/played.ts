// A run that does nothing, for what every run does when somebody looks, waits or interrupts it.
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { runExample } from "../../examples/stage/run.js";

const on = (name: string): boolean => process.env[name] === "1";
if (on("ON_TERMINAL")) Object.defineProperty(process.stdout, "isTTY", { value: true });

await runExample(
  async ({ atEnd, children, folder, screen, signal, visit }) => {
    await new Promise<void>((resolve) => {
      children.spawn("child", new URL("played-child.ts", import.meta.url), {
        onLine: (pid) => {
          screen.say(`process ${pid} in ${folder} .`);
          resolve();
        },
      });
    });
    if (on("STUBBORN")) atEnd(() => new Promise(() => undefined));
    // Stands for a page that is opened.
    await visit(once(process, "SIGUSR2"));
    screen.say("begun");
    // As waiting does in every run: an interruption ends it.
    if (on("ENDLESS")) await sleep(3_600_000, undefined, { signal });
    screen.verdict(true, "All is well.");
    return true;
  },
  { page: true },
);
