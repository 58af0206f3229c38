// A real nginx: the machine's own binary on a private port of the loopback, with a folder and a configuration of its own. No
// test touches one that runs elsewhere on the machine.
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { freePort } from "./free-port.js";

const START_MS = 30_000;

export interface NginxServer {
  readonly url: string;
  stop(): Promise<void>;
}

function nginxBinary(): string | null {
  // Debian keeps servers off the PATH of a plain user.
  const folders = [...(process.env["PATH"] ?? "").split(":"), "/usr/sbin"];
  return folders.map((folder) => resolve(folder, "nginx")).find((path) => existsSync(path)) ?? null;
}

/** Why no server can be started here; `null`: one can. On CI that is a failure, elsewhere a reason to skip. */
export function nginxMissing(): string | null {
  if (nginxBinary() !== null) return null;
  const reason = "no nginx on this machine: install the package nginx-light";
  if (process.env["CI"] !== undefined && process.env["CI"] !== "false") throw new Error(reason);
  console.warn(`skipped: ${reason}`);
  return reason;
}

/**
 * A proxy in front of `upstream` with nginx's own defaults (it buffers, and speaks HTTP/1.0 to what is behind it), but for
 * what is said.
 */
export async function startNginx(options: {
  /** `http://127.0.0.1:1234` */
  readonly upstream: string;
  /** How long it waits for the next byte of an answer. */
  readonly readTimeoutS: number;
  /** Lets WebSockets through, which nginx does only where it is told. @default false */
  readonly upgrades?: boolean;
}): Promise<NginxServer> {
  const folder = mkdtempSync(join(tmpdir(), "waybill-nginx-"));
  const giveUpAt = Date.now() + START_MS;
  for (;;) {
    // The port may be another's by the time that it is bound.
    const port = await freePort();
    writeFileSync(join(folder, "nginx.conf"), configuration({ ...options, folder, port }));
    const child = spawn(nginxBinary() ?? "nginx", ["-p", folder, "-e", "stderr", "-c", "nginx.conf"], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    let log = "";
    child.stderr.on("data", (chunk: Buffer) => (log += chunk.toString()));
    const ended = new Promise<void>((done) =>
      child.once("exit", () => {
        done();
      }),
    );
    if (await answers(child, port, giveUpAt)) {
      return {
        url: `http://127.0.0.1:${port}`,
        async stop() {
          child.kill("SIGTERM");
          await ended;
          rmSync(folder, { recursive: true, force: true });
        },
      };
    }
    child.kill("SIGKILL");
    await ended;
    if (Date.now() >= giveUpAt) throw new Error(`nginx did not start: ${log.slice(-2_000)}`);
  }
}

interface Configured {
  readonly upstream: string;
  readonly readTimeoutS: number;
  readonly upgrades?: boolean;
  readonly folder: string;
  readonly port: number;
}

function configuration({ upstream, readTimeoutS, upgrades = false, folder, port }: Configured): string {
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
  const upgrade = `proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade;`;
  return `
daemon off;
master_process off;
pid ${folder}/nginx.pid;
error_log stderr;
events {}
http {
  access_log off;
${temporary.map((name) => `  ${name}_temp_path ${folder}/${name};`).join("\n")}
  server {
    listen 127.0.0.1:${port};
    location = /alive { return 204; }
    location / {
      proxy_pass ${upstream};
      proxy_read_timeout ${readTimeoutS}s;
      ${upgrades ? upgrade : ""}
    }
  }
}
`;
}

async function answers(child: ChildProcess, port: number, giveUpAt: number): Promise<boolean> {
  while (child.exitCode === null && Date.now() < giveUpAt) {
    const response = await fetch(`http://127.0.0.1:${port}/alive`).catch(() => null);
    if (response?.status === 204) return true;
    await new Promise((next) => setTimeout(next, 30));
  }
  return false;
}
