// pnpm in its strict layout, where a package sees what it declares and nothing else: the tarball with each of its entries.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { before, describe, it } from "node:test";

const { exports, devDependencies } = JSON.parse(readFileSync("node_modules/waybill/package.json", "utf8"));
const ENTRIES = Object.keys(exports)
  .filter((name) => name !== "./package.json")
  .map((name) => `waybill${name.slice(1)}`);
/** What entries import when they are loaded; the other peers are passed in. */
const PEERS = [
  "@aws-sdk/client-dynamodb",
  "@aws-sdk/client-sqs",
  "@smithy/signature-v4",
  "react",
  "request-filtering-agent",
  "ws",
];
const TYPES = ["@types/node", "@types/react", "@types/ws", "typescript"];

function project(name, packages) {
  const folder = resolve(name);
  mkdirSync(folder, { recursive: true });
  const tarball = readdirSync("..").find((file) => /^waybill-.*\.tgz$/.test(file));
  const dependencies = {
    waybill: `file:${resolve("..", tarball)}`,
    ...Object.fromEntries(packages.map((peer) => [peer, devDependencies[peer]])),
  };
  const write = (file, value) => writeFileSync(resolve(folder, file), JSON.stringify(value));
  write("package.json", { name, private: true, type: "module", dependencies });
  writeFileSync(
    resolve(folder, ".npmrc"),
    "node-linker=isolated\nhoist=false\nauto-install-peers=false\nstrict-peer-dependencies=true\n",
  );
  for (const file of ["load.mjs", "job.mjs"]) copyFileSync(file, resolve(folder, file));
  write("tsconfig.json", {
    compilerOptions: {
      ...{ module: "nodenext", target: "es2022", lib: ["es2022", "dom", "esnext.disposable"] },
      ...{
        strict: true,

        noEmit: true,
        skipLibCheck: false,
        types: ["node"],
      },
    },
    files: ["entries.mts"],
  });
  writeFileSync(
    resolve(folder, "entries.mts"),
    ENTRIES.map((entry, at) => `export * as e${at} from "${entry}";`).join("\n"),
  );
  const args = [
    "install",
    "--prefer-offline",
    "--ignore-scripts",
    "--ignore-workspace",
    "--reporter=append-only",
  ];
  const said = execFileSync(process.execPath, [resolve("node_modules/pnpm/bin/pnpm.cjs"), ...args], {
    cwd: folder,
    encoding: "utf8",
  });
  return {
    said,
    run: (...args) => execFileSync(process.execPath, args, { cwd: folder, encoding: "utf8" }).trim(),
  };
}

describe("pnpm, isolated", () => {
  let whole;
  let alone;

  before(() => {
    whole = project("whole", [...PEERS, ...TYPES]);
    alone = project("alone", []);
  });

  it("pnpm: installs without a word of peers, with them and without", () => {
    for (const { said } of [whole, alone]) assert.doesNotMatch(said, /warn|peer/i);
  });
  it("pnpm: every entry loads, by import and by require", () => {
    assert.equal(whole.run("load.mjs"), "[]");
  });
  it("pnpm: a job runs, where none of the peers is installed", () => {
    assert.equal(alone.run("job.mjs"), "42");
  });
  it("pnpm: the declarations of every entry find what they name", () => {
    assert.equal(whole.run("node_modules/typescript/bin/tsc", "-p", "."), "");
  });
});
