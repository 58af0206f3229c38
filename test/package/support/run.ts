import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";

/** The checkout. */
export const repository = fileURLToPath(new URL("../../..", import.meta.url));

/** What a program said, and how it ended. */
export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end; its failure is an answer, not an error. */
export function run(cwd: string, command: string, ...args: string[]): Promise<Ran> {
  return new Promise((resolve, reject) => {
    execFile(
      command,
      args,
      { cwd, env: environment(), maxBuffer: 64 * 1024 * 1024 },
      (error, stdout, stderr) => {
        // No code: it did not start, or a signal ended it.
        if (error && typeof error.code !== "number")
          reject(new Error(`${command} has no exit code`, { cause: error }));
        else resolve({ code: Number(error?.code ?? 0), stdout, stderr });
      },
    );
  });
}

/** As `run`, for a program that has to succeed: resolves to its stdout. */
export async function mustRun(cwd: string, command: string, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await run(cwd, command, ...args);
  if (code !== 0) throw new Error(`${command} ${args.join(" ")} ended with ${code}\n${stdout}\n${stderr}`);
  return stdout;
}

/** A user's shell: neither vitest's settings nor those of the npm script that started it. */
function environment(): NodeJS.ProcessEnv {
  const ours = /^(NODE_|VITEST|TEST$|npm_(package|lifecycle|config_(local_prefix|global_prefix))|INIT_CWD)/;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !ours.test(name)));
}
