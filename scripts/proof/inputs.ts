import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";

function git(...args: readonly string[]): string {
  return execFileSync("git", args, { encoding: "utf8" });
}

/** A digest of the tracked files under some paths, as they are in the work tree: name and content of each. */
export function digestOf(paths: readonly string[]): string {
  const hash = createHash("sha256");
  const files = git("ls-files", "-z", "--", ...paths).split("\0");
  for (const file of files.filter((name) => name !== "").sort()) {
    hash.update(`${file}\0`).update(readFileSync(file)).update("\0");
  }
  return hash.digest("hex").slice(0, 32);
}

/** The commit that the files are of; said so where they differ from it. */
export function commitOf(paths: readonly string[]): string {
  const changed = git("status", "--porcelain", "--", ...paths).trim() !== "";
  return git("rev-parse", "HEAD").trim() + (changed ? " with changes" : "");
}
