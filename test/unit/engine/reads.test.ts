import { describe, expect, it } from "vitest";
import { z } from "zod";
import { memoryStore } from "../../../src/adapters/memory/store.js";
import { defineJob } from "../../../src/core/define/define-job.js";
import { decodePage, encodePage } from "../../../src/core/engine/read/page.js";
import {
  get,
  history,
  latest,
  list,
  type RuntimeListFilter,
  undelivered,
} from "../../../src/core/engine/read/reads.js";
import { jobOf, type RuntimeJob } from "../../../src/core/engine/read/job.js";
import { ANYBODY, type Whose } from "../../../src/core/options/owner-option.js";
import { encodeHistory, type HistoryEntry } from "../../../src/core/job/history.js";
import type { EdgeId } from "../../../src/core/job/lifecycle.js";
import {
  claimed,
  completed,
  failedFor,
  mailKind,
  recoverKind,
  rejection,
  stored,
  submitted,
  tracked,
  type World,
  world,
} from "../../support/engine.js";
import { START } from "../../../src/core/job/record.js";

const idsOf = ({ items }: { readonly items: readonly Pick<RuntimeJob, "id">[] }) => items.map(({ id }) => id);

/** Jobs submitted one after the other, a millisecond apart. */
async function several(at: World, count: number, options = {}): Promise<string[]> {
  const ids: string[] = [];
  for (let made = 0; made < count; made += 1) {
    ids.push((await submitted(at, { to: `p-${made}` }, options)).id);
    await at.clock.advance(1);
  }
  return ids;
}

const plannedOn = { status: "QUEUED" as const, version: 2, token: null };

describe("get", () => {
  it("shows a job with input and output, and nothing where there is none or the kind is another", async () => {
    const at = world();
    const { id } = await submitted(at);
    await completed(at, await claimed(at, id), { sent: 2 });
    expect(await at.run(get(at.core, id, null))).toMatchObject({ output: { sent: 2 }, input: { to: "ann" } });
    expect(await at.run(get(at.core, id, "mail.send"))).toMatchObject({ id });
    expect(await at.run(get(at.core, id, "dr.recover"))).toBeNull();
    expect(await at.run(get(at.core, "none", null))).toBeNull();
  });

  it.each(["", "a b", "x".repeat(129), "ä", "../x", "a\n", undefined, null, 7, {}])(
    "finds nothing under %j, which no id is, and asks no store",
    async (id) => {
      const at = world();
      expect(await at.run(get(at.core, id as string, null))).toBeNull();
      expect(await at.run(history(at.core, id as string))).toBeNull();
      expect(at.trips.calls).toEqual([]);
    },
  );

  it("finds a job of the owner who is named, and of nobody where that is named", async () => {
    const at = world();
    const anns = await submitted(at, { to: "ann" }, { owner: "ann" });
    const nobodys = await submitted(at);
    const ask = (id: string, whose: Whose) => at.run(get(at.core, id, null, whose));
    expect(await ask(anns.id, "ann")).toMatchObject({ id: anns.id });
    expect(await ask(anns.id, ANYBODY)).toMatchObject({ id: anns.id });
    expect(await ask(nobodys.id, null)).toMatchObject({ id: nobodys.id });
    for (const whose of ["bob", "", null]) expect(await ask(anns.id, whose)).toBeNull();
    expect(await ask(nobodys.id, "ann")).toBeNull();
  });
});

describe("latest", () => {
  it("is the newest job about a subject, of one owner where given", async () => {
    const at = world();
    const [first] = await several(at, 1, { subject: "s", owner: "a" });
    const [second] = await several(at, 1, { subject: "s", owner: "b" });
    await several(at, 1, { subject: "t" });
    const ask = (subject: string, whose: Whose = ANYBODY) =>
      at.run(latest(at.core, mailKind, subject, whose));
    expect((await ask("s"))?.id).toBe(second);
    expect((await ask("s", "a"))?.id).toBe(first);
    expect(await ask("s", "c")).toBeNull();
    expect(await at.run(latest(at.core, recoverKind, "s", ANYBODY))).toBeNull();
  });

  it("has its output", async () => {
    const at = world();
    const { id } = await submitted(at);
    await completed(at, await claimed(at, id), { sent: 3 });
    expect(await at.run(latest(at.core, mailKind, "to:ann", ANYBODY))).toMatchObject({
      output: { sent: 3 },
    });
  });

  it.each([undefined, null, "", "x".repeat(257), "a\0b", "\ud800"])(
    "refuses %j for a subject instead of finding anybody's job",
    async (subject) => {
      const at = world();
      await submitted(at);
      const asked = latest(at.core, mailKind, subject as string, ANYBODY);
      expect(await rejection(at, asked)).toMatchObject({ code: "config.invalid" });
    },
  );
});

describe("list", () => {
  const ask = (at: World, filter: RuntimeListFilter) => at.run(list(at.core, filter));

  it("is newest first, by kind, owner and subject", async () => {
    const at = world();
    const ids = await several(at, 3, { owner: "a" });
    const [other] = await several(at, 1, { owner: "b", subject: "s" });
    expect(idsOf(await ask(at, { kind: "mail.send" }))).toEqual([other, ...ids.slice().reverse()]);
    expect(idsOf(await ask(at, { owner: "a" }))).toEqual(ids.slice().reverse());
    expect(idsOf(await ask(at, { subject: "s" }))).toEqual([other]);
    expect(idsOf(await ask(at, { subject: "s", owner: "a" }))).toEqual([]);
    expect(idsOf(await ask(at, { kind: "mail.send", owner: null }))).toEqual([]);
  });

  it("leaves inputs and outputs out, and does not pretend that there are none", async () => {
    const at = world();
    const { id } = await submitted(at);
    await completed(at, await claimed(at, id), { sent: 2 });
    const { items } = await ask(at, { kind: "mail.send" });
    expect(items).toMatchObject([{ id, status: "COMPLETED" }]);
    expect(items[0]).not.toHaveProperty("input");
    expect(items[0]).not.toHaveProperty("output");
  });

  it("reads inputs only where a kind makes its messages out of them", async () => {
    const told = defineJob({
      kind: "mail.told",
      input: z.object({ to: z.string() }),
      messages: { QUEUED: ({ input }) => `To ${input.to}.` },
    })["~definition"];
    const at = world({ jobs: [mailKind, told] });
    await submitted(at, { to: "ann" }, { owner: "o" });
    await submitted(at, { to: "bob" }, { owner: "o" }, told);
    const { gateway } = at.core;
    const asked: unknown[] = [];
    const store = {
      ...gateway.store,
      list: async (request: Parameters<typeof gateway.store.list>[0]) => {
        asked.push(request.input);
        return gateway.store.list(request);
      },
    };
    const core: World["core"] = {
      ...at.core,
      gateway: { ...gateway, call: (name, run) => gateway.call(name, (_, request) => run(store, request)) },
    };
    const messages = async (filter: RuntimeListFilter) =>
      (await at.run(list(core, filter))).items.map(({ message }) => message);
    expect(await messages({ kind: "mail.send" })).toEqual(["Queued."]);
    expect(await messages({ kind: "mail.told" })).toEqual(["To bob."]);
    expect(await messages({ owner: "o" })).toEqual(["To bob.", "Queued."]);
    expect(await messages({ kind: "none" })).toEqual([]);
    expect(asked).toEqual([false, true, true, false]);
  });

  it("filters by one status or several", async () => {
    const at = world();
    const [a, b, c] = await several(at, 3);
    await claimed(at, a!);
    await failedFor(at, await claimed(at, b!));
    expect(idsOf(await ask(at, { kind: "mail.send", status: "QUEUED" }))).toEqual([c]);
    expect(idsOf(await ask(at, { kind: "mail.send", status: ["PROCESSING", "FAILED"] }))).toEqual([b, a]);
  });

  it("filters by the application's words, of which one may stand for part of a status or for several", async () => {
    const at = world({ queue: true });
    at.queue.faults.breakSends("unknown_lost");
    const [pending, queued, running] = await several(at, 3);
    await claimed(at, running!);
    expect(idsOf(await ask(at, { kind: "mail.send", word: "waiting" }))).toEqual([queued, pending]);
    expect(idsOf(await ask(at, { kind: "mail.send", word: "waiting", status: "QUEUED" }))).toEqual([queued]);
    expect(idsOf(await ask(at, { kind: "mail.send", word: "working" }))).toEqual([running]);
    expect(idsOf(await ask(at, { kind: "mail.send", word: "on its way" }))).toEqual([]);
    at.trips.reset();
    expect(await ask(at, { kind: "mail.send", word: "sent", status: "QUEUED" })).toEqual({
      items: [],
      next: null,
    });
    expect(at.trips.calls).toEqual([]);
  });

  it("pages through all of them once, also where many were made at one instant", async () => {
    const at = world();
    const same: string[] = [];
    for (let made = 0; made < 7; made += 1) same.push((await submitted(at, { to: `q-${made}` })).id);
    const ids = [...same, ...(await several(at, 4))];
    const seen: string[] = [];
    let cursor: string | null | undefined;
    for (let page = 0; cursor !== null; page += 1) {
      expect(page).toBeLessThan(10);
      const { items, next } = await ask(at, { kind: "mail.send", limit: 3, ...(cursor ? { cursor } : {}) });
      seen.push(...items.map(({ id }) => id));
      cursor = next;
    }
    expect(seen.length).toBe(11);
    expect(new Set(seen)).toEqual(new Set(ids));
  });

  it("shows jobs of kinds that this process does not know, with their status as word", async () => {
    const store = memoryStore();
    const there = world({ seed: 1 }, store);
    const here = world({ seed: 2, jobs: [recoverKind] }, store);
    const { id } = await submitted(there, { to: "ann" }, { owner: "o" });
    expect((await ask(here, { owner: "o" })).items).toMatchObject([
      { id, word: "QUEUED", message: expect.any(String) },
    ]);
    await claimed(there, id);
    expect(await here.run(get(here.core, id, null))).toMatchObject({
      word: "PROCESSING",
      percent: null,
      etaAt: null,
    });
  });

  it.each<[string, unknown]>([
    ["nothing to go by", {}],
    ["only a status", { status: "QUEUED" }],
    ["a limit of 0", { kind: "mail.send", limit: 0 }],
    ["a limit of 101", { kind: "mail.send", limit: 101 }],
    ["a limit of 1.5", { kind: "mail.send", limit: 1.5 }],
    ["a limit in words", { kind: "mail.send", limit: "all" }],
    ["an unknown status", { kind: "mail.send", status: "DONE" }],
    ["an unknown status among others", { kind: "mail.send", status: ["QUEUED", "DONE"] }],
    ["a word without a kind", { owner: "o", word: "sent" }],
    ["a word of an unknown kind", { kind: "none", word: "sent" }],
    ["an unknown word", { kind: "mail.send", word: "lost" }],
    ["an empty owner", { owner: "" }],
    ["an owner that is there but undefined", { kind: "mail.send", owner: undefined }],
    ["a subject with NUL", { subject: "a\0" }],
    ["a kind that is no text", { kind: 7 }],
    ["a cursor from elsewhere", { kind: "mail.send", cursor: "abc" }],
  ])("refuses %s", async (_, filter) => {
    const at = world();
    const error = await rejection(at, list(at.core, filter as RuntimeListFilter));
    expect(error).toMatchObject({ code: "config.invalid", outcome: "not_applied" });
    expect(at.trips.calls).toEqual([]);
  });
});

describe("the cursor of a page", () => {
  it("comes back as it went", () => {
    const place = { createdAt: 1_735_689_600_123, id: "job-1_A" };
    expect(decodePage(encodePage(place) ?? "")).toEqual(place);
    expect([encodePage(null), decodePage(undefined)]).toEqual([null, null]);
  });

  it.each([
    "",
    ".",
    "x",
    "a.",
    ".a",
    "a.b.c",
    "A.b",
    "-1.b",
    "a.b c",
    `a.${"b".repeat(129)}`,
    "zzzzzzzzzzz.b",
    "a.b\n",
    "1e5%.b",
    7,
    null,
    {},
  ])("is refused when it was made up: %j", (cursor) => {
    expect(() => decodePage(cursor as string)).toThrow(expect.objectContaining({ code: "config.invalid" }));
  });
});

describe("history", () => {
  it("tells every entry, oldest first", async () => {
    const at = world();
    const { id } = await submitted(at, { to: "ann" }, { actor: "ann" });
    await completed(at, await claimed(at, id));
    const found = await at.run(history(at.core, id));
    expect(found?.events.map(({ type }) => type)).toEqual([
      "job.created",
      "job.queued",
      "job.started",
      "job.completed",
    ]);
    expect(found?.events[0]).toMatchObject({ id: `${id}:1`, actor: "ann", from: null, status: "PENDING" });
    expect(found?.trimmed).toBe(0);
    expect(await at.run(history(at.core, "none"))).toBeNull();
  });

  it("tells of jobs whose input did not come along", async () => {
    const at = world();
    const { id } = await submitted(at);
    const { gateway } = at.core;
    const core: World["core"] = {
      ...at.core,
      gateway: { ...gateway, read: async (given) => gateway.read(given) },
    };
    expect((await at.run(history(core, id)))?.events).toHaveLength(2);
  });
});

describe("undelivered", () => {
  it("lists what notifiers gave up, by job and notifier", async () => {
    const at = world();
    const { id } = await submitted(at);
    await submitted(at);
    const cursors = {
      ui: { ...START, upTo: 2, exhausted: [1, 2] },
      billing: { ...START, upTo: 2 },
    };
    await at.run(
      at.core.gateway.advance({ id, plannedOn, wakeAt: null, purgeAt: null, latestWakeAt: 0, cursors }),
    );
    expect(await at.run(undelivered(at.core, {}))).toEqual({
      items: [
        {
          ...{ jobId: id, kind: "mail.send", notifier: "ui", versions: [1, 2], reason: null },
          since: new Date("2025-01-01"),
        },
      ],
      next: null,
    });
  });

  it("pages", async () => {
    const at = world();
    const ids = await several(at, 3);
    const cursors = { ui: { ...START, upTo: 2, exhausted: [1] } };
    for (const id of ids) {
      await at.run(
        at.core.gateway.advance({ id, plannedOn, wakeAt: null, purgeAt: null, latestWakeAt: 0, cursors }),
      );
    }
    const first = await at.run(undelivered(at.core, { limit: 2 }));
    const second = await at.run(undelivered(at.core, { limit: 2, cursor: first.next! }));
    expect([...first.items, ...second.items].map(({ jobId }) => jobId)).toEqual(ids.slice().reverse());
  });

  it.each([{ limit: 0 }, { limit: NaN }, { limit: 1e9 }, { cursor: "made up" }])(
    "refuses %j",
    async (page) => {
      const at = world();
      expect(await rejection(at, undelivered(at.core, page))).toMatchObject({ code: "config.invalid" });
    },
  );
});

describe("what a job shows", () => {
  it("never holds the token of a claim, in any status, nor does an event", async () => {
    const at = world();
    const seen: unknown[] = [];
    const note = async (id: string): Promise<void> => {
      const job = await at.run(get(at.core, id, null));
      seen.push(
        job,
        await at.run(history(at.core, id)),
        (await at.run(list(at.core, { kind: job!.kind }))).items,
      );
    };
    const token = "SECRET-TOKEN-0123456789";
    const mailId = (await submitted(at)).id;
    await note(mailId);
    const held = await claimed(at, mailId, token);
    await note(mailId);
    await completed(at, held);
    await note(mailId);
    const failing = (await submitted(at)).id;
    await failedFor(at, await claimed(at, failing, token));
    await note(failing);
    const tracking = (await submitted(at, { plan: "1" }, {}, recoverKind)).id;
    await tracked(at, await claimed(at, tracking, token), { region: "eu", ids: ["i"] });
    await note(tracking);
    expect(new Set(seen.flat().map((one) => (one as { status?: string }).status))).toContain("PROCESSING");
    expect(JSON.stringify(seen)).not.toContain(token);
    expect(JSON.stringify(seen)).not.toContain("fence");
  });

  it("says in each status what belongs to it", async () => {
    const at = world();
    const { id } = await submitted(at, { plan: "42" }, {}, recoverKind);
    const show = () => at.run(get(at.core, id, null));
    expect(await show()).toMatchObject({ status: "QUEUED", retryAt: null, lastError: null });
    const held = await claimed(at, id);
    expect(await show()).toMatchObject({
      status: "PROCESSING",
      worker: { name: "tester", leaseUntil: new Date(at.clock.now() + 30_000) },
      awaiting: null,
      progress: null,
      phase: null,
      attempt: 1,
    });
    await tracked(at, held, { region: "eu", ids: ["i-1"] });
    expect(await show()).toMatchObject({
      status: "PROCESSING",
      worker: null,
      awaiting: { since: new Date(at.clock.now()), ref: { region: "eu", ids: ["i-1"] } },
    });
  });

  it("keeps the kind's word when the entry that told of the status was trimmed", async () => {
    const at = world();
    const { id } = await submitted(at);
    const job = await stored(at, id);
    const trimmed = {
      ...job,
      record: { ...job.record, status: "PROCESSING" as const, phase: "sending", history: "" },
    };
    expect(jobOf(mailKind, trimmed)).toMatchObject({ word: "on its way", message: "Running." });
    expect(jobOf(undefined, trimmed)).toMatchObject({ word: "PROCESSING", message: "Running." });
  });

  it("says what the newest entry of the status says, in the phase of then: a request or a warning behind it says nothing", async () => {
    const at = world();
    const { record, cursors } = await stored(at, (await submitted(at)).id);
    const kind = defineJob({
      kind: "mail.send",
      input: z.object({}),
      phases: ["sending", "waiting"],
      messages: { PROCESSING: { default: "Going.", sending: "Sending.", waiting: "Waiting." } },
    })["~definition"];
    const entry = (version: number, edge: EdgeId, more: Partial<HistoryEntry> = {}): HistoryEntry => ({
      ...{ version, edge, at: version, attempt: 1, transitionId: "t", actor: null },
      ...{ reason: null, text: null, expose: false },
      ...more,
    });
    const messageAfter = (...entries: readonly HistoryEntry[]) => {
      const history = encodeHistory([entry(1, "T1"), entry(2, "T2"), entry(3, "T4"), ...entries]);
      return jobOf(kind, { record: { ...record, status: "PROCESSING", phase: "waiting", history }, cursors })
        .message;
    };
    const sending = entry(4, "phase", { reason: "sending" });
    const cancel = entry(5, "cancel", { text: "stop, said Ann", expose: true });
    const warning = entry(6, "warning", { reason: "slow", text: "slow", expose: true });
    expect(messageAfter()).toBe("Going.");
    expect(messageAfter(sending)).toBe("Sending.");
    expect(messageAfter(sending, cancel, warning)).toBe("Sending.");
    expect(messageAfter({ ...sending, text: "Page 3." }, cancel)).toBe("Page 3.");
    expect(messageAfter(sending, entry(7, "T7"), entry(8, "T4"))).toBe("Going.");
  });

  it("stays readable when a store lost a failure, an output or an input", async () => {
    const at = world();
    const { record, cursors } = await stored(at, (await submitted(at)).id);
    const now = at.clock.now();
    const ended = { startedAt: now, finishedAt: now + 5, queuedAt: null };
    expect(jobOf(mailKind, { record: { ...record, ...ended, status: "FAILED" }, cursors })).toMatchObject({
      failure: { reason: "error", attempts: 0 },
      durationMs: 5,
      dispatch: "unconfirmed",
      input: undefined,
    });
    const done = { record: { ...record, ...ended, status: "COMPLETED" as const }, cursors };
    expect(jobOf(mailKind, { ...done, output: null })).toMatchObject({ output: null, dispatch: "confirmed" });
  });

  it("tells of a retry what went wrong and when it goes on", async () => {
    const at = world();
    const { record, cursors } = await stored(at, (await submitted(at)).id);
    const now = at.clock.now();
    const lastError = { message: "no", code: "E", expose: false, at: now, attempt: 1 };
    const waiting = { ...record, status: "PENDING" as const, retryAt: now + 9, sendAt: now + 9, lastError };
    expect(jobOf(mailKind, { record: waiting, cursors })).toMatchObject({
      retryAt: new Date(now + 9),
      lastError: { ...lastError, at: new Date(now) },
      dispatch: "deferred",
    });
    expect(jobOf(mailKind, { record: { ...waiting, sendAt: now }, cursors })).toMatchObject({
      dispatch: "unconfirmed",
    });
    expect(jobOf(mailKind, { record: { ...waiting, sendAt: null }, cursors })).toMatchObject({
      dispatch: "unconfirmed",
    });
  });

  it("expects an end by the kind's usual time until something better is known", async () => {
    const at = world();
    const { record, cursors } = await stored(at, (await submitted(at)).id);
    const now = at.clock.now();
    const running = { ...record, status: "PROCESSING" as const, startedAt: now };
    const usual = { ...mailKind, expectedMs: 60_000 };
    expect(jobOf(usual, { record: running, cursors })).toMatchObject({ etaAt: new Date(now + 60_000) });
    expect(jobOf(usual, { record: { ...running, etaAt: now + 1 }, cursors })).toMatchObject({
      etaAt: new Date(now + 1),
    });
    expect(jobOf(usual, { record: { ...running, startedAt: null }, cursors })).toMatchObject({ etaAt: null });
    expect(jobOf(mailKind, { record: running, cursors })).toMatchObject({ etaAt: null });
  });
});
