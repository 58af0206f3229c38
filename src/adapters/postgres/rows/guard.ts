import { type JobStatus, STATUSES } from "../../../core/job/lifecycle.js";
import type { WriteGuard } from "../../../core/ports/store.js";
import type { JobRecord } from "../../../core/job/record.js";
import { encodeText } from "./text.js";

/** A guard in SQL: what must hold of the row `j`, on the cells of the row `w` and by the server's clock. */
export interface GuardSql {
  readonly sql: string;
  readonly cells: readonly GuardCell[];
}

interface GuardCell {
  readonly name: string;
  readonly type: "text" | "integer" | "bigint";
  readonly valueOf: (guard: WriteGuard) => string | number | undefined;
}

const VERSION: GuardCell = { name: "guard_version", type: "integer", valueOf: ({ version }) => version };
const TOKEN: GuardCell = {
  name: "guard_token",
  type: "text",
  valueOf: ({ token }) => (token === null ? undefined : encodeText(token)),
};
const DISPATCH: GuardCell = { name: "guard_dispatch", type: "integer", valueOf: ({ dispatch }) => dispatch };
const LEASE: GuardCell = { name: "guard_lease", type: "bigint", valueOf: ({ expiredLease }) => expiredLease };

/** The same for every guard that asks for the same: only what differs is a cell. */
export function guardOf({ status, token, dispatch, expiredLease }: WriteGuard): GuardSql {
  const asked = [`j.status = '${knownStatus(status)}'`, "j.version = w.guard_version"];
  const cells = [VERSION];
  if (token === null) asked.push("j.token is null");
  else {
    // Not `=`: that lets Postgres walk the whole index of tokens for each row of the batch, where it believes it empty.
    asked.push("j.token is not distinct from w.guard_token");
    cells.push(TOKEN);
  }
  if (dispatch !== undefined) {
    asked.push("j.dispatch = w.guard_dispatch");
    cells.push(DISPATCH);
  }
  if (expiredLease !== undefined) {
    asked.push("j.lease_until = w.guard_lease and j.lease_until <= clock.ms");
    cells.push(LEASE);
  }
  return { sql: asked.join(" and "), cells };
}

/** A status that may stand in a statement's text. */
export function knownStatus(given: JobStatus): JobStatus {
  const status = STATUSES.find((one) => one === given);
  if (status === undefined)
    throw new TypeError("a status that does not exist was given to the Postgres store");
  return status;
}

/** The same, on what a refusal showed: whether it contradicts itself. */
export function holds(record: JobRecord, guard: WriteGuard, nowMs: number): boolean {
  if (record.status !== guard.status || record.version !== guard.version) return false;
  if (record.token !== guard.token) return false;
  if (guard.dispatch !== undefined && record.dispatch !== guard.dispatch) return false;
  const lease = guard.expiredLease;
  return lease === undefined || (record.leaseUntil === lease && lease <= nowMs);
}
