import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { importedBy } from "./imports.js";
import { NORMAL_FORM, normalForm } from "./normal-form.js";

/** What a result depends on. */
export type Inputs =
  /** All that a script imports: for one that runs nothing else and reads no file of the repository. */
  | { readonly imports: string }
  | {
      /** Paths of git; `:(exclude)…` leaves some out again. */
      readonly paths: readonly string[];
      /** Those of them that are read as text by what is run: of these every character counts. */
      readonly texts?: readonly string[];
    };

/** The files of a work tree as they are now. One object reads each file once. */
export class InputFiles {
  readonly #root: string;
  readonly #hashes = new Map<string, string>();

  constructor(root: string = process.cwd()) {
    this.#root = root;
  }

  /** A digest of names and normal forms. */
  digestOf(inputs: Inputs): string {
    const texts = new Set("texts" in inputs ? this.#listed(inputs.texts ?? []) : []);
    const hash = createHash("sha256");
    for (const file of this.filesOf(inputs)) hash.update(`${file}\0${this.#hashOf(file, texts.has(file))}\0`);
    return `${NORMAL_FORM}-${hash.digest("hex").slice(0, 32)}`;
  }

  /** In order of their names. */
  filesOf(inputs: Inputs): readonly string[] {
    return "imports" in inputs ? importedBy(this.#root, [inputs.imports]) : this.#listed(inputs.paths);
  }

  /** The commit that the files are of; said so where they differ from it. */
  commitOf(all: readonly Inputs[]): string {
    const files = new Set(all.flatMap((inputs) => this.filesOf(inputs)));
    const changed = this.#git("status", "--porcelain", "--", ...files).trim() !== "";
    return this.#git("rev-parse", "HEAD").trim() + (changed ? " with changes" : "");
  }

  /** What is not committed yet counts as well: it is run as well. */
  #listed(paths: readonly string[]): readonly string[] {
    if (paths.length === 0) return [];
    const which = ["--cached", "--others", "--exclude-standard"];
    const files = this.#git("ls-files", "-z", ...which, "--", ...paths).split("\0");
    // What was removed stays listed until it is committed.
    const there = files.filter((file) => file !== "" && existsSync(join(this.#root, file)));
    return [...new Set(there)].sort();
  }

  #hashOf(file: string, asText: boolean): string {
    const key = `${asText ? "text" : "form"} ${file}`;
    let known = this.#hashes.get(key);
    if (known === undefined) {
      const content = readFileSync(join(this.#root, file));
      known = createHash("sha256")
        .update(asText ? content : normalForm(file, content))
        .digest("hex");
      this.#hashes.set(key, known);
    }
    return known;
  }

  #git(...args: readonly string[]): string {
    return execFileSync("git", args, { cwd: this.#root, encoding: "utf8", maxBuffer: 64 * 1024 * 1024 });
  }
}

/** What brought the code into its normal form for a digest; `null`: not said. Digests of unlike forms cannot be compared. */
export function formOf(digest: string | null): string | null {
  const end = digest?.lastIndexOf("-") ?? -1;
  return digest === null || end < 0 ? null : digest.slice(0, end);
}
