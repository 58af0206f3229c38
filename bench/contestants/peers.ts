import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

/** Where `run.mjs` installed them. */
export const PEERS = process.env["WAYBILL_BENCH_PEERS"] ?? "";

const require = createRequire(join(PEERS, "package.json"));

/** A peer's module, from the folder that holds nothing else. Its types are said by who loads it. */
export async function loadPeer(name: string): Promise<unknown> {
  return import(pathToFileURL(require.resolve(name)).href);
}
