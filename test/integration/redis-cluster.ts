// A real Redis cluster for one test: three primaries with a replica each, as local processes.
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { Cluster } from "ioredis";
import { redisBinary, type RedisServer, sleep, startRedis } from "./redis-server.js";
import { freePort } from "../support/free-port.js";

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
  /** Resolves when every other node serves all slots without the one of that port. */
  goesOnWithout(port: number): Promise<void>;
  stop(): Promise<void>;
}

export async function startCluster(): Promise<RedisCluster> {
  const servers = await Promise.all(Array.from({ length: NODES }, startNode));
  const cli = redisBinary("redis-cli");
  if (cli === null) throw new Error("no redis-cli on this machine");
  const addresses = servers.map(({ port }) => `127.0.0.1:${port}`);
  const args = ["--cluster", "create", ...addresses, "--cluster-replicas", "1", "--cluster-yes"];
  await promisify(execFile)(cli, args, { timeout: READY_MS });
  await Promise.all(servers.map((server) => isReady(server)));
  return {
    servers,
    client: () =>
      servers[0]!.own(
        new Cluster(
          servers.map(({ port }) => ({ host: "127.0.0.1", port })),
          { slotsRefreshTimeout: 5_000 },
        ),
      ),
    goesOnWithout: async (port) => {
      await Promise.all(
        servers.filter((server) => server.port !== port).map((server) => isReady(server, port)),
      );
    },
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

/** This node says that all slots are served, none of them by `gone`, and it follows its primary if it has one. */
async function isReady(server: RedisServer, gone: number | null = null): Promise<void> {
  const client = server.client();
  const giveUpAt = Date.now() + READY_MS;
  for (;;) {
    const info = await client.cluster("INFO");
    const slots = await client.cluster("SLOTS");
    const isServed = slots.every(([, , primary]) => primary !== undefined && primary[1] !== gone);
    const isLinked = !(await client.info("replication")).includes("master_link_status:down");
    if (info.includes("cluster_state:ok") && isServed && isLinked) break;
    if (Date.now() > giveUpAt) {
      throw new Error(`the cluster did not get ready:\n${String(await client.cluster("NODES"))}`);
    }
    await sleep(50);
  }
  client.disconnect();
}
