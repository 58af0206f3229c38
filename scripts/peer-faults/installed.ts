import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath, pathToFileURL } from "node:url";

/** Where `bench/install-peers.mjs` puts them. */
const folder = fileURLToPath(new URL("../../bench/peers/", import.meta.url));
const require = createRequire(`${folder}package.json`);

/** A peer's module. Its types are said by who loads it. */
export async function loadPeer(name: string): Promise<unknown> {
  return import(pathToFileURL(require.resolve(name)).href);
}

export function versionOfPeer(name: string): string {
  const manifest = readFileSync(`${folder}node_modules/${name}/package.json`, "utf8");
  return (JSON.parse(manifest) as { readonly version: string }).version;
}
