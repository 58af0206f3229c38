// A run that does nothing, for what every run does where somebody may look, and where nobody can.
import { once } from "node:events";
import { runExample } from "../../examples/stage/run.js";

if (process.env["ON_TERMINAL"] === "1") Object.defineProperty(process.stdout, "isTTY", { value: true });

await runExample(
  async ({ children, folder, screen, visit }) => {
    await new Promise<void>((resolve) => {
      children.spawn("child", new URL("played-child.ts", import.meta.url), {
        onLine: (pid) => {
          screen.say(`process ${pid} in ${folder} .`);
          resolve();
        },
      });
    });
    // Stands for a page that is opened.
    await visit(once(process, "SIGUSR2"));
    screen.say("begun");
    screen.verdict(true, "All is well.");
    return true;
  },
  { page: true },
);
