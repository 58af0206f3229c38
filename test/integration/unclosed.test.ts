// What an application forgets to close keeps no process, also where a store listens on a connection of its own.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { postgresMissing, postgresServer } from "../support/postgres-server.js";
import { redisMissing, redisServer } from "./redis-server.js";

const CHILD = fileURLToPath(new URL("unclosed-child.ts", import.meta.url));
const TIMEOUT_MS = 120_000;

const isMissing = [postgresMissing(), redisMissing()].some((reason) => reason !== null);

it.skipIf(isMissing)(
  "a process that stops its workers and ends its clients ends by itself, with watches that are open and no Waybill closed",
  async () => {
    const [postgres, redis] = await Promise.all([postgresServer(), redisServer()]);
    const places = [postgres.port, postgres.schema(), redis.port, redis.prefix()].map(String);
    const child = spawn(process.execPath, ["--import", "tsx", CHILD, ...places]);
    const killed = setTimeout(() => child.kill("SIGKILL"), TIMEOUT_MS / 2);
    let said = "";
    let errors = "";
    child.stdout.on("data", (chunk: Buffer) => (said += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (errors += chunk.toString()));
    const [code] = (await once(child, "close")) as [number | null];
    clearTimeout(killed);
    expect({ code, said, errors }).toEqual({ code: 0, said: "42\n".repeat(3), errors: "" });
  },
  TIMEOUT_MS,
);
