import { existsSync, readdirSync, readFileSync } from "node:fs";
import type { Meter } from "../lib/engine.js";
import type { PostgresServer } from "./postgres.js";

/** The kernel's unit of processor time, on every Linux. */
const TICK_MS = 10;

const READINGS =
  "select pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::text as wal, pg_current_wal_flush_lsn()::text as lsn, " +
  "(select sum(n_tup_upd + n_tup_del)::text from pg_stat_user_tables) as dead";

/** What the server spent so far. Index entries are counted in the log itself, where the extension for it is there. */
export async function meterOf(server: PostgresServer): Promise<Meter> {
  const [row] = await server.query(READINGS);
  const serverCpuMs = cpuMsOf(server.folder);
  const entries = await indexEntries(server, String(row?.["lsn"]));
  return {
    walBytes: Number(row?.["wal"]),
    deadTuples: Number(row?.["dead"] ?? 0),
    ...(serverCpuMs === null ? {} : { serverCpuMs }),
    ...(entries === null ? {} : { indexEntries: entries }),
  };
}

interface Counted {
  readonly lsn: string;
  readonly entries: number;
}

/** Up to where entries are counted already. */
const counted = new WeakMap<PostgresServer, Counted>();

async function indexEntries(server: PostgresServer, lsn: string): Promise<number | null> {
  const last = counted.get(server);
  try {
    if (last === undefined) {
      await server.query("create extension if not exists pg_walinspect");
      counted.set(server, { lsn, entries: 0 });
      return 0;
    }
    const [row] = await server.query(
      `select coalesce(sum(count), 0)::text as n from pg_get_wal_stats('${last.lsn}', '${lsn}', true) ` +
        `where "resource_manager/record_type" like 'Btree/INSERT%'`,
    );
    const entries = last.entries + Number(row?.["n"]);
    counted.set(server, { lsn, entries });
    return entries;
  } catch {
    // No extension; or nothing was logged since, or its files are no more, which checkpoints recycle.
    return last?.entries ?? null;
  }
}

/** Of the server and all its processes, living and dead; `null`: this system does not say. */
function cpuMsOf(folder: string): number | null {
  if (!existsSync("/proc/self/stat")) return null;
  const main = Number(readFileSync(`${folder}/postmaster.pid`, "utf8").split("\n")[0]);
  let ticks = 0;
  for (const name of readdirSync("/proc")) {
    const stat = /^\d+$/.test(name) ? statOf(name) : null;
    if (stat === null) continue;
    const [, parent, , , , , , , , , , user = 0, system = 0, deadUser = 0, deadSystem = 0] = stat;
    if (Number(name) === main) ticks += user + system + deadUser + deadSystem;
    else if (parent === main) ticks += user + system;
  }
  return ticks * TICK_MS;
}

/** The fields behind the name, which may hold anything: state, parent, and so on. */
function statOf(pid: string): readonly number[] | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    return text
      .slice(text.lastIndexOf(")") + 2)
      .split(" ")
      .map(Number);
  } catch {
    return null;
  }
}
