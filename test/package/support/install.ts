import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { TestProject } from "vitest/node";
import { mustRun, repository } from "./run.js";

/** Peers that an entry loads when it is imported: whoever imports it has installed them. */
const LOADED_PEERS = [
  "@aws-sdk/client-dynamodb",
  "@aws-sdk/client-sqs",
  "@smithy/signature-v4",
  "@types/react",
  "@types/ws",
  "react",
  "request-filtering-agent",
  "ws",
];

declare module "vitest" {
  interface ProvidedContext {
    /** A project that has installed the packed tarball and the peers that entries load, and nothing else. */
    scratch: string;
    tarball: string;
  }
}

/** Once per run: packs what is built and installs the tarball as a user would, in a folder outside the checkout. */
export default async function install(project: TestProject): Promise<() => Promise<void>> {
  if (!existsSync(join(repository, "dist"))) throw new Error("Nothing is built yet: npm run build");

  const scratch = await mkdtemp(join(tmpdir(), "waybill-package-"));
  const packed = await mustRun(
    repository,
    "npm",
    "pack",
    "--json",
    "--ignore-scripts",
    "--pack-destination",
    scratch,
  );
  const [{ filename }] = JSON.parse(packed) as [{ filename: string }];
  const tarball = join(scratch, filename);

  await writeFile(join(scratch, "package.json"), JSON.stringify({ name: "scratch", private: true }));
  // Offline where npm's cache has what the lock of this checkout brought in.
  const flags = ["--prefer-offline", "--no-audit", "--no-fund", "--ignore-scripts"];
  await mustRun(scratch, "npm", "install", ...flags, tarball);
  for (const peer of LOADED_PEERS) {
    const place = join(scratch, "node_modules", peer);
    await mkdir(dirname(place), { recursive: true });
    await symlink(join(repository, "node_modules", peer), place, "junction");
  }

  project.provide("scratch", scratch);
  project.provide("tarball", tarball);
  return () => rm(scratch, { recursive: true, force: true });
}
