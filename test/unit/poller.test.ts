import { describe, expect, it, vi } from "vitest";
import { cancel } from "../../src/core/decide/cancel.js";
import { applyCommand } from "../../src/core/engine/store/apply.js";
import { pollOnce } from "../../src/core/engine/reconcile/poller.js";
import type { PollAnswer, PollContext } from "../../src/core/handler.js";
import type { Snapshot } from "../../src/core/job/record.js";
import { handlerOf, kind, type Process, WORK, world, type World } from "../support/relay-core.js";

const open = async (): Promise<PollAnswer> => ({ state: "open" });

async function waiting(w: World, p: Process, given?: Parameters<Process["track"]>[1]): Promise<Snapshot> {
  const id = await p.submit(WORK, {}, { plan: 1 });
  const tracked = await p.track(await p.claim(id), given);
  await w.clock.advance(given?.pollMs ?? 30_000);
  return tracked;
}

const ask = (p: Process, snapshot: Snapshot) =>
  applyCommand(p.core, snapshot, (seen, context) => cancel(seen, { reason: "stop" }, context));

describe("a look at external work", () => {
  it("gives the handler what it tracked, and stores what it says", async () => {
    const w = world();
    const p = w.process();
    const tracked = await waiting(w, p);
    const contexts: PollContext[] = [];
    const handler = handlerOf(WORK, async (context) => {
      contexts.push(context);
      return { state: "open", phase: "launching", nextPollMs: 1_000 };
    });
    const polled = await w.run(pollOnce(p.core, handler, tracked));
    expect(polled.looked).toBe(true);
    expect(contexts[0]).toMatchObject({ ref: "ref-1", fence: 2, cancelRequested: false, attempt: 1 });
    expect(contexts[0]?.job).toMatchObject({ status: "PROCESSING", input: { plan: 1 } });
    expect(JSON.stringify(contexts[0]?.job)).not.toContain("token");
    const { record } = await w.read(tracked.record.id);
    expect(record).toMatchObject({ phase: "launching", poll: null, attempt: 1 });
    expect(record.awaiting?.nextPollAt).toBe(w.clock.now() + 1_000);
    expect(record.wakeAt).toBe(w.clock.now() + 1_000);
  });

  it("ends the job with proof: done, failed, or failed and run again", async () => {
    const answers: [PollAnswer, string][] = [
      [{ state: "done", output: 1 }, "COMPLETED"],
      [{ state: "failed", message: "no" }, "FAILED"],
      [{ state: "failed", message: "no", rerun: true }, "PENDING"],
    ];
    for (const [answer, status] of answers) {
      const w = world();
      const p = w.process();
      const tracked = await waiting(w, p);
      await w.run(
        pollOnce(
          p.core,
          handlerOf(WORK, async () => answer),
          tracked,
        ),
      );
      expect((await w.read(tracked.record.id)).record.status).toBe(status);
    }
  });

  it("backs off from a poll that throws, more each time, and fails nothing", async () => {
    const w = world();
    const p = w.process();
    const tracked = await waiting(w, p);
    const broken = handlerOf(WORK, () => {
      throw new Error("unreachable");
    });
    const { snapshot } = await w.run(pollOnce(p.core, broken, tracked));
    expect(snapshot?.record.awaiting?.pollErrors).toBe(1);
    await w.clock.advance(60_000);
    const again = await w.run(
      pollOnce(
        p.core,
        handlerOf(WORK, () => Promise.reject(new Error("no"))),
        snapshot!,
      ),
    );
    expect(again.snapshot?.record.awaiting?.pollErrors).toBe(2);
    expect(again.snapshot?.record).toMatchObject({ status: "PROCESSING", poll: null });
    expect(p.warnings.map((warning) => String(warning.fields["stack"]).split("\n")[0])).toEqual([
      "Error: unreachable",
      "Error: no",
    ]);
    await w.clock.advance(600_000);
    const odd = handlerOf(WORK, async () => {
      // eslint-disable-next-line @typescript-eslint/only-throw-error -- applications throw anything
      throw "text";
    });
    await w.run(pollOnce(p.core, odd, again.snapshot!));
    expect(p.warnings.at(-1)?.fields["stack"]).toBe("text");
  });

  it("leaves a poll that hangs behind when its right ends", async () => {
    const w = world();
    const p = w.process();
    const tracked = await waiting(w, p);
    let reason: unknown;
    const hangs = handlerOf(WORK, ({ signal }) => {
      signal.addEventListener("abort", () => void (reason = signal.reason));
      return new Promise(() => undefined);
    });
    const { snapshot } = await w.run(pollOnce(p.core, hangs, tracked));
    expect(snapshot?.record).toMatchObject({ poll: null, awaiting: { pollErrors: 1 } });
    expect(String(reason)).toContain("too long");
  });

  it("is made by one process at a time, and not again for nothing", async () => {
    const w = world();
    const [a, b] = [w.process(), w.process()];
    const tracked = await waiting(w, a);
    const poll = vi.fn(open);
    const handler = handlerOf(WORK, poll);
    const both = await w.run(
      Promise.all([pollOnce(a.core, handler, tracked), pollOnce(b.core, handler, tracked)]),
    );
    expect(both.map((each) => each.looked).sort()).toEqual([false, true]);
    expect((await w.run(pollOnce(b.core, handler, tracked))).looked).toBe(false);
    expect(poll).toHaveBeenCalledTimes(1);
  });

  it("goes on after a process that crashed in it, and the job is not launched again", async () => {
    const w = world();
    const p = w.process();
    const tracked = await waiting(w, p);
    const hangs = handlerOf(WORK, () => new Promise(() => undefined));
    const crashing = w.process({ policy: { pollLeaseMs: 1_000, unknownRetryMs: 0 } });
    const lost = pollOnce(crashing.core, hangs, tracked);
    const failed = expect(lost).rejects.toThrow();
    await w.clock.settle();
    w.faults.outage("store");
    await w.clock.advance(5_000);
    await failed;
    w.faults.heal();
    const { record, cursors } = await w.read(tracked.record.id);
    expect(record.poll).not.toBeNull();
    const polled = await w.run(pollOnce(p.core, handlerOf(WORK, open), { record, cursors }));
    expect(polled.looked).toBe(true);
    expect(polled.snapshot?.record).toMatchObject({ attempt: 1, dispatch: 99, poll: null });
    expect((await w.edges(record.id)).filter((edge) => edge === "T4")).toHaveLength(1);
  });

  it("asks the outside to stop once, and waits for it to confirm", async () => {
    const w = world();
    const p = w.process();
    const tracked = await waiting(w, p);
    await w.run(ask(p, tracked));
    const stop = vi.fn(async (_context: PollContext) => undefined);
    const handler = handlerOf(WORK, open, { cancel: stop });
    for (let looks = 0; looks < 3; looks += 1) {
      const { record, cursors } = await w.read(tracked.record.id);
      await w.run(pollOnce(p.core, handler, { record, cursors }));
      await w.clock.advance(30_000);
    }
    expect(stop).toHaveBeenCalledTimes(1);
    expect(stop.mock.calls[0]?.[0]).toMatchObject({ cancelRequested: true, reason: "stop", ref: "ref-1" });
    expect((await w.read(tracked.record.id)).record).toMatchObject({
      status: "PROCESSING",
      awaiting: { cancelSent: true },
    });
    const { record, cursors } = await w.read(tracked.record.id);
    const gone = handlerOf(WORK, async () => ({ state: "failed", message: "terminated" }), { cancel: stop });
    await w.run(pollOnce(p.core, gone, { record, cursors }));
    expect((await w.read(record.id)).record.failure).toMatchObject({ reason: "cancelled", message: "stop" });
  });

  it("does not ask twice although the poll behind the request failed, and asks again when the request did", async () => {
    const w = world();
    const p = w.process();
    const tracked = await waiting(w, p);
    await w.run(ask(p, tracked));
    const stop = vi.fn(async () => undefined);
    stop.mockRejectedValueOnce(new Error("not now"));
    const read = async (): Promise<Snapshot> => {
      const { record, cursors } = await w.read(tracked.record.id);
      return { record, cursors };
    };
    const broken = handlerOf(WORK, () => Promise.reject(new Error("no")), { cancel: stop });
    const first = await w.run(pollOnce(p.core, broken, await read()));
    expect(first.snapshot?.record.awaiting).toMatchObject({ cancelSent: false });
    for (let looks = 0; looks < 3; looks += 1) {
      await w.clock.advance(60_000);
      await w.run(pollOnce(p.core, broken, await read()));
    }
    expect(stop).toHaveBeenCalledTimes(2);
    expect((await read()).record.awaiting).toMatchObject({ cancelSent: true });
  });

  it("hears at once of a request to cancel that came during the poll", async () => {
    const w = world();
    const p = w.process();
    const tracked = await waiting(w, p);
    const handler = handlerOf(
      WORK,
      async () => {
        await ask(w.process(), tracked);
        return { state: "open" };
      },
      { cancel: async () => undefined },
    );
    const { snapshot } = await w.run(pollOnce(p.core, handler, tracked));
    expect(snapshot?.record.cancel).not.toBeNull();
    expect(snapshot?.record.awaiting?.nextPollAt).toBe(w.clock.now());
  });

  it("gives the right back when the process shuts down", async () => {
    const w = world();
    const p = w.process();
    const tracked = await waiting(w, p);
    const stop = new AbortController();
    let reason: unknown;
    const hangs = handlerOf(WORK, ({ signal }) => {
      signal.addEventListener("abort", () => void (reason = signal.reason));
      return new Promise(() => undefined);
    });
    const look = pollOnce(p.core, hangs, tracked, stop.signal);
    await w.clock.settle();
    stop.abort();
    const { snapshot } = await w.run(look);
    expect(snapshot?.record).toMatchObject({
      poll: null,
      awaiting: { nextPollAt: w.clock.now(), pollErrors: 0 },
    });
    expect(String(reason)).toContain("shutting down");
    expect((await w.run(pollOnce(p.core, hangs, tracked, stop.signal))).looked).toBe(false);
  });

  it("does nothing for a kind that cannot be polled, and for records that are gone or not waiting", async () => {
    const w = world();
    const p = w.process();
    const tracked = await waiting(w, p);
    expect((await w.run(pollOnce(p.core, handlerOf(WORK, null), tracked))).looked).toBe(false);
    const gone = { ...tracked, record: { ...tracked.record, id: "gone" } };
    expect(await w.run(pollOnce(p.core, handlerOf(WORK, open), gone))).toEqual({
      looked: false,
      snapshot: null,
    });
    const { record, cursors } = await w.read(await p.submit(kind("test.work")));
    expect((await w.run(pollOnce(p.core, handlerOf(WORK, open), { record, cursors }))).looked).toBe(false);
  });
});
