// An application of Next 16 on Node, built and started from the packed tarball: a route handler, a server action, a page.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { once } from "node:events";
import { dirname } from "node:path";
import { createInterface } from "node:readline";
import { after, before, describe, it } from "node:test";

const NEXT = "node_modules/next/dist/bin/next";
const env = { ...process.env, NEXT_TELEMETRY_DISABLED: "1" };

// Under names that the tools of this repository leave alone: the application has settings of its own.
for (const { name, parentPath } of readdirSync("files", { recursive: true, withFileTypes: true })) {
  const file = `${parentPath}/${name}`;
  if (!name.endsWith(".txt")) continue;
  const place = file.slice("files/".length, -".txt".length);
  mkdirSync(dirname(place), { recursive: true });
  writeFileSync(place, readFileSync(file));
}

/** Starts what was built, on a port that is free, and says where it is. */
async function start() {
  const server = spawn(process.execPath, [NEXT, "start", "--port", "0", "--hostname", "127.0.0.1"], { env });
  let said = "";
  for (const stream of [server.stdout, server.stderr])
    stream.setEncoding("utf8").on("data", (text) => (said += text));
  const origin = await new Promise((resolve, reject) => {
    createInterface({ input: server.stdout }).on("line", (line) => {
      const [url] = /http:\/\/127\.0\.0\.1:\d+/.exec(line) ?? [];
      if (url !== undefined) resolve(url);
    });
    server.once("exit", () => reject(new Error(said)));
  });
  return {
    origin,
    said: () => said,
    stop: () => {
      const over = once(server, "exit");
      server.kill();
      return over;
    },
  };
}

for (const bundler of ["turbopack", "webpack"]) {
  describe(`next 16, ${bundler}`, () => {
    let server;
    let built;

    before(async () => {
      rmSync(".next", { recursive: true, force: true });
      built = execFileSync(process.execPath, [NEXT, "build", `--${bundler}`], { encoding: "utf8", env });
      server = await start();
    });
    after(async () => {
      await server?.stop();
    });

    it(`next, ${bundler}: builds and checks types as Next sets them up, without a warning`, () => {
      assert.doesNotMatch(built, /warn|error/i);
      assert.equal(JSON.parse(readFileSync("tsconfig.json", "utf8")).compilerOptions.strict, false);
    });

    it(`next, ${bundler}: a route handler takes a job, and shows it`, async () => {
      const headers = { "content-type": "application/json", prefer: "wait=20" };
      const answer = await fetch(`${server.origin}/jobs/double`, { method: "POST", headers, body: "21" });
      assert.equal(answer.status, 200);
      const { id } = await answer.json();
      const shown = await fetch(`${server.origin}/jobs/${id}`);
      const { status, output } = await shown.json();
      assert.deepEqual({ status, output }, { status: "COMPLETED", output: 42 });
    });

    it(`next, ${bundler}: a server action submits, and the page shows what became of it`, async () => {
      const page = await (await fetch(`${server.origin}/double`)).text();
      assert.match(page, /<output>none<\/output>/);
      const form = new FormData();
      for (const [input] of page.matchAll(/<input[^>]*>/g)) {
        const [, name = ""] = /name="([^"]*)"/.exec(input) ?? [];
        const [, value = ""] = /value="([^"]*)"/.exec(input) ?? [];
        form.append(name, value.replaceAll("&quot;", '"'));
      }
      assert.equal(form.get("n"), "21");
      const answer = await fetch(`${server.origin}/double`, {
        method: "POST",
        body: form,
        redirect: "manual",
      });
      assert.equal(answer.status, 303, server.said());
      const location = answer.headers.get("location");
      assert.match(location, /result=42$/);
      const shown = await (await fetch(new URL(location, server.origin))).text();
      assert.match(shown, /<output>42<\/output>/);
      // What hooks and components make of it on the server.
      assert.match(shown, /data-state="loading">waiting/);
    });

    it(`next, ${bundler}: says no word of warning while it runs`, () => {
      assert.doesNotMatch(server.said(), /warn|error/i);
    });
  });
}
