import { WaybillError } from "../../../core/errors/errors.js";
import { isError } from "../../../core/errors/foreign.js";
import type { RedisClient, RedisNode } from "./client.js";
import { explained } from "./errors.js";

/** Older servers lack options that the scripts use. */
const OLDEST_VERSION = [6, 2] as const;

/** What a server may lose of what it acknowledged: `weak`, the last second or more; `local`, nothing while its disk lives. */
export type RedisDurability = "weak" | "local";

/** Something that works now and will hurt one day. Never a secret, never a value of a job. */
export interface RedisWarning {
  readonly code: "eviction_possible" | "not_persistent";
  readonly message: string;
}

export interface ServerCheck {
  readonly durability: RedisDurability;
  readonly onWarning: (warning: RedisWarning) => void;
}

/**
 * Asks every primary what it is and how it is configured.
 *
 * @throws WaybillError `config.invalid` where jobs would get lost by configuration, or `durability` does not hold
 */
export async function checkServers(client: RedisClient, check: ServerCheck): Promise<void> {
  const nodes = nodesOf(client);
  const warnings = new Map<string, RedisWarning>();
  for (const node of nodes)
    for (const warning of await checkServer(node, check)) warnings.set(warning.code, warning);
  for (const warning of warnings.values()) check.onWarning(warning);
}

function nodesOf(client: RedisClient): readonly RedisNode[] {
  if (client.nodes !== undefined) return client.nodes("master");
  const { info, config } = client as Partial<RedisNode>;
  if (typeof info !== "function" || typeof config !== "function") {
    throw new WaybillError("config.invalid", "The client of the Redis store cannot ask the server for INFO.");
  }
  return [client as Partial<RedisNode> as RedisNode];
}

async function checkServer(node: RedisNode, { durability }: ServerCheck): Promise<readonly RedisWarning[]> {
  const info = await infoOf(node);
  checkVersion(info.get("redis_version"));
  if (info.get("role") === "slave") {
    throw invalid("The client of the Redis store is connected to a replica, which takes no writes.");
  }
  const hasLog = info.get("aof_enabled") === "1";
  if (durability === "local") await checkLocal(node, hasLog);
  return [...evictionOf(info), ...(hasLog ? [] : [NOT_PERSISTENT])];
}

const NOT_PERSISTENT: RedisWarning = {
  code: "not_persistent",
  message:
    "Redis keeps no append-only file: a crash loses every job since the last snapshot, if there is one.",
};

/** Sections by themselves: several at once need Redis 7. */
async function infoOf(node: RedisNode): Promise<ReadonlyMap<string, string>> {
  const fields = new Map<string, string>();
  for (const section of ["server", "memory", "persistence", "replication"]) {
    const text = await asked(() => node.info(section));
    for (const line of text.split(/\r?\n/)) {
      const colon = line.indexOf(":");
      if (colon > 0) fields.set(line.slice(0, colon), line.slice(colon + 1));
    }
  }
  return fields;
}

function checkVersion(version: string | undefined): void {
  const [major = 0, minor = 0] = (version ?? "").split(".").map(Number);
  const [oldestMajor, oldestMinor] = OLDEST_VERSION;
  // A service that does not say is given the benefit of the doubt: its scripts fail loudly.
  if (version === undefined || major > oldestMajor || (major === oldestMajor && minor >= oldestMinor)) return;
  throw invalid(`The Redis store needs Redis ${OLDEST_VERSION.join(".")} or later.`);
}

/** Redis drops keys of its choice when it is full, unless it is told to refuse writes. */
function evictionOf(info: ReadonlyMap<string, string>): readonly RedisWarning[] {
  const policy = info.get("maxmemory_policy") ?? "noeviction";
  if (policy === "noeviction") return [];
  if (policy.startsWith("allkeys") && info.get("maxmemory") !== "0") {
    throw invalid(`Redis would drop jobs when it is full (maxmemory-policy ${policy}); set noeviction.`);
  }
  const message = `Redis is set to drop keys when it is full (maxmemory-policy ${policy}); set noeviction.`;
  return [{ code: "eviction_possible", message }];
}

async function checkLocal(node: RedisNode, hasLog: boolean): Promise<void> {
  const answer = hasLog ? await asked(() => node.config("GET", "appendfsync"), unreadable) : [];
  const flat: readonly unknown[] = Array.isArray(answer) ? answer : Object.values(answer as object);
  if (hasLog && flat.includes("always")) return;
  throw invalid(
    'Redis does not sync every write (appendonly yes, appendfsync always): durability "local" does not hold.',
  );
}

function unreadable(): WaybillError {
  return invalid('Redis does not let its configuration be read: durability "local" cannot be checked.');
}

async function asked<T>(ask: () => Promise<T>, otherwise?: () => WaybillError): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    const isRefusal = isError(error) && error.name === "ReplyError";
    if (otherwise !== undefined && isRefusal) throw otherwise();
    throw explained(error, "reads");
  }
}

function invalid(sentence: string): WaybillError {
  return new WaybillError("config.invalid", sentence);
}
