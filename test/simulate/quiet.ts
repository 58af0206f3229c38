import type { MemoryQueue } from "../../src/adapters/memory/queue.js";
import type { StoredRow } from "../../src/adapters/memory/store-semantics.js";
import { checkHistory } from "../../src/testing/check-history.js";
import type { Monitors } from "./monitors.js";
import { isSettledRow } from "./needs.js";
import type { Receiver } from "./receivers.js";
import type { World } from "./world.js";

export interface EndFacts {
  readonly world: World;
  readonly monitors: Monitors;
  readonly rows: ReadonlyMap<string, StoredRow>;
  readonly receivers: Readonly<Record<string, Receiver>>;
  readonly queues: Readonly<Record<string, MemoryQueue>>;
}

/** What still has to happen. */
export function unsettled({ monitors, rows, queues }: EndFacts): readonly string[] {
  const left: string[] = [];
  for (const [id, row] of rows) {
    const { record } = row;
    const settled = isSettledRow(row, monitors.lastEntry(id));
    if (settled && record.wakeAt === null) continue;
    left.push(
      `${id} ${record.kind} ${record.status} v${String(record.version)} wakeAt ${String(record.wakeAt)}`,
    );
  }
  for (const [name, queue] of Object.entries(queues)) {
    const messages = queue.depth() + queue.inFlight() + queue.deadLetterDepth();
    if (messages > 0) left.push(`${String(messages)} messages in ${name}`);
  }
  return left;
}

/** After the faults everything has come to its end, and nothing is missing. */
export function judgeEnd(facts: EndFacts, quiet: boolean): void {
  const { world, monitors, rows, receivers } = facts;
  if (!quiet) world.fail("L1", `not settled in time: ${unsettled(facts).slice(0, 8).join("; ")}`);
  for (const [id, log] of monitors.logs) {
    if (log.lostWrites) continue;
    const row = rows.get(id);
    if (row === undefined && !log.purged) world.fail("S11", `${id} is gone`);
    for (const { rule, text, version } of checkHistory(log.entries)) {
      const entry = log.entries.find((each) => each.version === version);
      if (rule === "S8" && entry !== undefined && log.claimedAgain.has(entry.transitionId)) continue;
      world.fail(rule, `${id}: ${text}`);
    }
    // Made anew after its purge (see the monitor of cursors): relays that knew the job before may have passed over entries.
    if (row === undefined || log.life > 0) continue;
    for (const name of row.record.notifiers) {
      const listed = row.cursors[name]?.exhausted ?? [];
      for (const entry of log.entries) {
        if (listed.includes(entry.version) || receivers[name]?.isDone(id, entry) === true) continue;
        world.fail("S14", `${id}: ${name} was never told of version ${String(entry.version)}`);
      }
    }
  }
}
