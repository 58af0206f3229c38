// A suite is worth what it catches: each clause of the memory store is taken out in turn, and the suite must notice.
import { readFile } from "node:fs/promises";
import { build } from "esbuild";
import { describe, expect, it } from "vitest";
import type { Store } from "../../src/core/ports/store.js";
import { storeSuite } from "../../src/testing/store-suite/store-suite.js";

interface Deletion {
  readonly file: string;
  /** As it stands in the source, exactly once. */
  readonly clause: string;
  readonly without: string;
}

const SEMANTICS = "store-semantics.ts";
const STORE = "store.ts";
const QUERIES = "store-queries.ts";
const TABLE = "store-table.ts";

function inFile(file: string, deletions: Readonly<Record<string, string>>): readonly Deletion[] {
  return Object.entries(deletions).map(([clause, without]) => ({ file, clause, without }));
}

const DELETIONS: readonly Deletion[] = [
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
  }),
];

/** The memory store from source, with one clause changed; nothing is written to disk. */
async function memoryStoreWithout({ file, clause, without }: Deletion): Promise<() => Store> {
  const { outputFiles } = await build({
    entryPoints: ["src/adapters/memory/store.ts"],
    bundle: true,
    write: false,
    format: "esm",
    plugins: [
      {
        name: "delete-clause",
        setup({ onLoad }) {
          onLoad({ filter: new RegExp(`/memory/${file.replace(".", "\\.")}$`) }, async ({ path }) => {
            const source = await readFile(path, "utf8");
            // Prettier breaks lines where it likes: any space in a clause may be a line's end.
            const pattern = clause.replace(/[^\w ]/g, "\\$&").replaceAll(" ", "\\s+");
            const [before, after, ...more] = source.split(new RegExp(pattern));
            if (after === undefined || more.length > 0)
              throw new Error(`not exactly once in ${file}: ${clause}`);
            return { contents: `${before ?? ""}${without}${after}`, loader: "ts" };
          });
        },
      },
    ],
  });
  const code = Buffer.from(outputFiles[0]!.contents).toString("base64");
  const module = (await import(/* @vite-ignore */ `data:text/javascript;base64,${code}`)) as {
    memoryStore: () => Store;
  };
  return module.memoryStore;
}

/** The first test of the suite that a store fails; `null`: it passes all. */
async function firstFailure(makeStore: () => Store): Promise<string | null> {
  const tests: { readonly title: string; readonly run: () => Promise<void> | void }[] = [];
  let group = "";
  const runner = {
    describe(name: string, register: () => void) {
      group = name;
      register();
    },
    it: (title: string, run: () => Promise<void> | void) => tests.push({ title: `${group} > ${title}`, run }),
  };
  storeSuite(runner, {
    async create() {
      const store = makeStore();
      return { store, close: () => store.close() };
    },
  });
  for (const { title, run } of tests) {
    try {
      await run();
    } catch {
      return title;
    }
  }
  return null;
}

describe("the store suite", () => {
  it("passes the memory store as it is", async () => {
    const untouched = {
      file: STORE,
      clause: "export function memoryStore",
      without: "export function memoryStore",
    };
    expect(await firstFailure(await memoryStoreWithout(untouched))).toBeNull();
  });

  it.each(DELETIONS)("notices $file without: $clause", async (deletion) => {
    const failure = await firstFailure(await memoryStoreWithout(deletion));
    if (process.env["SHOW_DELETIONS"] !== undefined) console.info(`${deletion.clause} → ${String(failure)}`);
    expect(failure).not.toBeNull();
  });
});
