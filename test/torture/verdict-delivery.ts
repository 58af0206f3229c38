import { isFinal, STATUSES } from "waybill";
import { EVENT_OF } from "../../src/core/job/event.js";
import { EDGES } from "../../src/core/job/lifecycle.js";
import type { Case } from "./case.js";

/** S14, S15: every entry was delivered, first in order, and what was delivered is what is stored. */
export function judgeDelivery({ job: { record }, entries, events, fail }: Case): void {
  const stored = new Map(entries.map((entry) => [`${record.id}:${entry.version}`, entry]));
  const delivered = new Set(events.map(({ id }) => id));
  for (const [id, { edge }] of stored) {
    if (!delivered.has(id)) fail("S14", `${EVENT_OF[edge]} ${id} was not delivered`);
  }
  const ends = new Set<string>();
  let newest = 0;
  const seen = new Set<string>();
  for (const event of events) {
    const entry = stored.get(event.id);
    if (isFinal(STATUSES.find((status) => status === event.status) ?? "PENDING")) ends.add(event.id);
    if (entry === undefined) {
      fail("S15", `${event.type} ${event.id} was delivered, and is not stored`);
      continue;
    }
    const same = event.type === EVENT_OF[entry.edge] && event.status === EDGES[entry.edge].to;
    if (!same || event.at !== entry.at || event.attempt !== entry.attempt) {
      fail("S15", `${event.type} ${event.id} was delivered, and ${EVENT_OF[entry.edge]} is stored`);
    }
    if (seen.has(event.id)) continue;
    seen.add(event.id);
    if (event.version < newest) fail("S15", `${event.id} was first delivered behind version ${newest}`);
    newest = Math.max(newest, event.version);
  }
  if (ends.size > 1) fail("S3", `${ends.size} ends were delivered: ${[...ends].join(", ")}`);
}
