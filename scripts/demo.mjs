// `npm run demo` in a fresh clone: installs what is missing, then is the example, with its terminal, arguments,
// signals and exit code.
import { spawn } from "node:child_process";
import { constants } from "node:os";
import { ensureDependencies, root } from "./ensure-deps.mjs";

ensureDependencies();

const example = spawn(
  process.execPath,
  ["--import", "tsx", "examples/index-folder/main.ts", ...process.argv.slice(2)],
  { cwd: root, stdio: "inherit" },
);
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
  process.on(signal, () => {
    // Ctrl-C reaches every process of the terminal: passed on as well, it would arrive twice.
    if (signal !== "SIGINT" || !process.stdin.isTTY) example.kill(signal);
  });
}
example.on("exit", (code, signal) => {
  process.exitCode = code ?? 128 + constants.signals[signal];
});
