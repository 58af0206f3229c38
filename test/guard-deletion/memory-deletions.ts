/** A clause of the memory store that is taken out. */
export interface MemoryDeletion {
  readonly file: string;
  /** As it stands in the source, exactly once. */
  readonly clause: string;
  readonly without: string;
}

const SEMANTICS = "store-semantics.ts";
const STORE = "store.ts";
const QUERIES = "store-queries.ts";
const TABLE = "store-table.ts";

function inFile(file: string, deletions: Readonly<Record<string, string>>): readonly MemoryDeletion[] {
  return Object.entries(deletions).map(([clause, without]) => ({ file, clause, without }));
}

export const MEMORY_DELETIONS: readonly MemoryDeletion[] = [
  ...inFile(SEMANTICS, {
    // write guard
    "if (record.status !== guard.status) return false;": "",
    "if (record.version !== guard.version) return false;": "",
    "if (record.token !== guard.token) return false;": "",
    "if (guard.dispatch !== undefined && record.dispatch !== guard.dispatch) return false;": "",
    "return guard.expiredLease === undefined || leaseExpired(record, guard.expiredLease, nowMs);":
      "return true;",
    "if (record.leaseUntil !== observed) return false;": "",
    "return observed <= nowMs;": "return true;",
    // write effect
    "...item.patch,": "",
    "joinHistory(row.record.history, history.append)": "history.append",
    ": history.replace": ": joinHistory(row.record.history, history.replace)",
    "const output = item.output ?? row.output;": "const output = row.output;",
    "record: { ...changed, leaseUntil }, output }": "record: changed, output }",
    // beat
    'record.status !== "PROCESSING" || ': "",
    "record.token !== item.token || ": "",
    " || record.awaiting !== null": "",
    "row: { ...row, record: { ...record, leaseUntil } },": "row,",
    "cancelRequested: record.cancel !== null": "cancelRequested: false",
    // claim by message
    "if (isHeldBy(row.record, item.token))": "if (false)",
    'return record.status === "PROCESSING" && record.token === token;':
      'return record.status === "PROCESSING";',
    "if (record.recordVersion > terms.recordVersion) return false;": "",
    "if (item.dispatch < record.dispatch) return false;": "",
    'if (record.status === "QUEUED") return true;': "",
    'record.status === "PENDING" && record.sendAt !== null': "record.sendAt !== null",
    " && record.sendAt <= nowMs": "",
    // claim next
    " || record.recordVersion > next.terms.recordVersion": "",
    'record.status === "QUEUED" && record.queue === null ?': "record.queue === null ?",
    '"QUEUED" && record.queue === null ?': '"QUEUED" ?',
    "leaseMs: kind.leaseMs": "leaseMs: next.kinds[0]!.leaseMs",
    // claim effect
    'const before = pending ? fillTemplate(terms.queued, version + 1, nowMs, attempt) : "";':
      'const before = "";',
    "version + (pending ? 2 : 1)": "version + 1",
    "claimedVersion, nowMs, attempt + 1);": "claimedVersion, nowMs, attempt);",
    "dispatch: Math.max(record.dispatch, item.dispatch),": "",
    "fence: record.fence + 1,": "",
    "attempt: attempt + 1,": "",
    "token: item.token,": "",
    "worker: terms.worker,": "",
    "startedAt: record.startedAt ?? nowMs,": "",
    "record.startedAt ?? nowMs": "nowMs",
    "queuedAt: record.queuedAt ?? nowMs,": "",
    "record.queuedAt ?? nowMs": "nowMs",
    "readyAt: null,": "",
    "sendAt: null,": "",
    "retryAt: null,": "",
    "updatedAt: nowMs,": "",
    "Math.min(leaseUntil, ": "Math.min(",
    "record.deadlineAt ?? Infinity, ": "",
    ", notifyAt)": ")",
    "record.notifiers.length > 0 ?": "record.id ?",
    // take due, advance
    "wakeAt: nowMs + holdMs": "wakeAt: null",
    "isPlannedOn(row.record, item.plannedOn) && ": "",
    "record.version === version && record.status === status": "record.status === status",
    " && record.status === status": "",
    "record.status === status && record.token === token;": "record.status === status;",
    " && !isPlannedOnOldNews(row.cursors, item.cursors)": "",
    "wakeAt !== null && wakeAt > item.latestWakeAt ?": "wakeAt !== null ?",
    "wakeAt !== null && wakeAt >": "wakeAt === null || wakeAt >",
    "wakeAt: item.wakeAt, ": "",
    ", purgeAt: item.purgeAt": "",
    "mergeCursor(cursorOf(stored, name), cursor)": "cursor",
    "{ ...stored, ...Object.fromEntries(merged) }": "Object.fromEntries(merged)",
    "Object.hasOwn(cursors, name) ? (cursors[name] ?? START) : START": "cursors[name] ?? START",
  }),
  ...inFile(STORE, {
    "this.#table.get(record.id) ?? byScope": "byScope",
    " ?? byScope;": ";",
    "ownCopy(record)": "record",
    "ownCopy(item.patch)": "item.patch",
    "ownCopy(item.cursors)": "item.cursors",
    "if (!this.#parked.has(message.id)) ": "",
    "first === null || first.at > nowMs": "first === null",
    "jobs < limit;": ";",
    "message.at < parkedBefore": "true",
    "if (this.#closed)": "if (false)",
    "if (!ids.every((id) => ID_PATTERN.test(id)))": "if (false)",
    "at === undefined || at > nowMs": "at === undefined",
    "after === undefined || message.id > after": "true",
  }),
  ...inFile(QUERIES, {
    "table.heldBy(next.token).slice(0, next.limit).map(withInput)": "[] as StoredJob[]",
    "for (const { record } of left) table.ready(record.kind).set(record.id, record.readyAt);": "",
    "if (passed === null || isBefore(passed, first)) ": "",
    "due.length < limit": "true",
    "if (request.owner !== undefined && record.owner !== request.owner) return false;": "",
    "if (request.kinds !== undefined && !request.kinds.includes(record.kind)) return false;": "",
    "if (request.statuses !== undefined && !request.statuses.includes(record.status)) return false;": "",
    "if (rows.length >= MAX_JOBS_BY_REF) break;": "",
  }),
  ...inFile(TABLE, {
    "if (record.scope !== null) this.#scopes.delete(record.scope);": "",
    'this.all.remove("all", record);': "",
    "this.owners.remove(record.owner, record);": "",
    "if (record.subject !== null) this.subjects.remove(record.subject, record);": "",
    "this.kinds.remove(record.kind, record);": "",
    "for (const key of refsOf(before)) this.refs.remove(key, record);": "",
    'if (gaveUp && !givesUp) this.undeliverable.remove("all", record);': "",
    "givesUp && !gaveUp": "givesUp",
    "held?.delete(id);": "",
    'row?.record.status === "PROCESSING" ? row.record.token : null': "row?.record.token ?? null",
  }),
];
