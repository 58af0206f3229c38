import { createHash } from "node:crypto";
import { PRELUDE } from "./prelude.js";

/** A script and the name that a server knows it by. */
export interface Script {
  readonly source: string;
  readonly sha: string;
}

/** Makes a script of the shared beginning, the parts that it needs and its own end. */
export function scriptOf(...parts: readonly string[]): Script {
  const source = [PRELUDE, ...parts].join("\n");
  return { source, sha: createHash("sha1").update(source).digest("hex") };
}
