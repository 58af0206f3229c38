// A real Redis cluster for one test: three primaries with a replica each, as local processes.
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { Cluster } from "ioredis";
import { freePort, redisBinary, type RedisServer, sleep, startRedis } from "./redis-server.js";

const NODES = 6;
const READY_MS = 60_000;

/** Why no cluster can be made here; `null`: one can. */
export function redisClusterMissing(): string | null {
  if (redisBinary("redis-cli") !== null) return null;
  const reason = "no redis-cli on this machine: install the package redis-tools";
  if (process.env["CI"] !== undefined && process.env["CI"] !== "false") throw new Error(reason);
  console.warn(`skipped: ${reason}`);
  return reason;
}

export interface RedisCluster {
  readonly servers: readonly RedisServer[];
  /** A connection, which is closed with the cluster. */
  client(): Cluster;
  stop(): Promise<void>;
}

export async function startCluster(): Promise<RedisCluster> {
  const servers = await Promise.all(Array.from({ length: NODES }, startNode));
  const cli = redisBinary("redis-cli");
  if (cli === null) throw new Error("no redis-cli on this machine");
  const addresses = servers.map(({ port }) => `127.0.0.1:${port}`);
  const args = ["--cluster", "create", ...addresses, "--cluster-replicas", "1", "--cluster-yes"];
  await promisify(execFile)(cli, args, { timeout: READY_MS });
  await Promise.all(servers.map(isReady));
  return {
    servers,
    client: () =>
      servers[0]!.own(
        new Cluster(
          servers.map(({ port }) => ({ host: "127.0.0.1", port })),
          { slotsRefreshTimeout: 5_000 },
        ),
      ),
    stop: async () => {
      await Promise.all(servers.map((server) => server.stop()));
    },
  };
}

async function startNode(): Promise<RedisServer> {
  const settings = {
    "cluster-enabled": "yes",
    "cluster-config-file": "nodes.conf",
    "cluster-node-timeout": "2000",
    // The usual one, 10,000 above, may be beyond the last port.
    "cluster-port": String(await freePort()),
    // A replica behind is promoted all the same: what it lacks is what the tests are about.
    "cluster-replica-validity-factor": "0",
    "repl-diskless-sync": "yes",
    "repl-diskless-sync-delay": "0",
  };
  return startRedis({ settings });
}

/** All slots are served, and every node says so. */
async function isReady(server: RedisServer): Promise<void> {
  const client = server.client();
  const giveUpAt = Date.now() + READY_MS;
  while (!(await client.cluster("INFO")).includes("cluster_state:ok")) {
    if (Date.now() > giveUpAt) throw new Error("the cluster did not get ready");
    await sleep(50);
  }
  client.disconnect();
}
