import { describe, expect, it } from "vitest";
import { liveStream, type LiveStreamOptions } from "../../src/core/live/live-stream.js";
import { ended, observeWorld } from "./observe-world.js";

/** A stream over a world, read as text. */
async function streaming(
  at: ReturnType<typeof observeWorld>,
  jobId: string | null,
  over: Partial<Pick<LiveStreamOptions, "lastEventId" | "signal">> = {},
) {
  const filter = jobId === null ? { owner: "ann" } : { ids: [jobId], owner: "ann" };
  const response = await at.clock.runUntil(
    liveStream({
      jobId,
      lastEventId: null,
      observe: () => at.waybill.observe(filter),
      clock: at.clock,
      ...over,
    }),
  );
  const reader = response?.body?.getReader();
  const decoder = new TextDecoder();
  const texts: string[] = [];
  const finished = (async () => {
    for (;;) {
      const { done, value } = (await reader?.read()) ?? { done: true };
      if (done || value === undefined) return;
      texts.push(decoder.decode(value as Uint8Array));
    }
  })();
  await at.clock.settle();
  return { response, reader, texts, ended: finished };
}

const data = (text: string): unknown => JSON.parse(/^data: (.*)$/m.exec(text)![1]!);

describe("a stream", () => {
  it("may not be held back or changed on its way", async () => {
    const { response } = await streaming(observeWorld(), null);
    expect(response?.status).toBe(200);
    expect(Object.fromEntries(response!.headers)).toEqual({
      "cache-control": "no-cache, no-transform",
      "content-type": "text/event-stream; charset=utf-8",
      vary: "accept",
      "x-accel-buffering": "no",
    });
  });

  it("of a list tells all there is, then what changes, without ids", async () => {
    const at = observeWorld();
    const { texts } = await streaming(at, null);
    at.put("a");
    await at.clock.settle();
    expect(texts[0]).toBe("retry: 2000\n\n");
    expect(texts[1]).toBe('event: changes\ndata: {"jobs":[],"gone":[],"snapshot":true,"reset":false}\n\n');
    expect(texts[2]).toMatch(/^event: changes\n/);
    expect(data(texts[2]!)).toMatchObject({ jobs: [{ id: "a" }], snapshot: false });
  });

  it("of a job tells its versions with ids, and ends with it", async () => {
    const at = observeWorld();
    at.write("a");
    const { texts, ended: over } = await streaming(at, "a");
    at.put("a", ended("FAILED", 1));
    await at.clock.settle();
    await over;
    expect(texts.map((text) => text.split("\n")[0])).toEqual([
      "retry: 2000",
      "id: 1",
      "id: 2.end",
      "event: complete",
    ]);
    expect(at.clock.pending()).toBe(0);
    expect(at.listeners.size).toBe(0);
  });

  it("is answered with 204 after its end, and read anew before", async () => {
    const at = observeWorld();
    at.write("a");
    at.write("a", ended("COMPLETED", 1), '{"done":"yes"}');
    expect((await streaming(at, "a", { lastEventId: "2.end" })).response?.status).toBe(204);
    const again = await streaming(at, "a", { lastEventId: "1" });
    await again.ended;
    expect(again.texts.join("")).toContain("id: 2.end");
    const forgot = await streaming(at, "a", { lastEventId: "7" });
    expect(data(forgot.texts[1]!)).toMatchObject({ jobs: [{ version: 2 }], reset: true });
    const strange = await streaming(at, "a", { lastEventId: "of somebody else" });
    expect(data(strange.texts[1]!)).toMatchObject({ jobs: [{ version: 2 }], reset: false });
  });

  it("of a job that is not there, or somebody else's, is none", async () => {
    const at = observeWorld();
    at.write("hers", { owner: "bea" });
    expect((await streaming(at, "hers")).response).toBeNull();
    expect((await streaming(at, "none")).response).toBeNull();
    expect(at.listeners.size).toBe(0);
  });

  it("comments every 15 s while nothing changes", async () => {
    const at = observeWorld();
    const { texts } = await streaming(at, null);
    await at.clock.advance(31_000);
    expect(texts.filter((text) => text === ": hb\n\n")).toHaveLength(2);
    at.put("a");
    await at.clock.settle();
    expect(data(texts.at(-1)!)).toMatchObject({ jobs: [{ id: "a" }] });
  });

  it("is not read ahead of its reader, who skips to the newest", async () => {
    const at = observeWorld();
    const response = await at.clock.runUntil(
      liveStream({
        jobId: null,
        lastEventId: null,
        observe: () => at.waybill.observe({ owner: "ann" }),
        clock: at.clock,
      }),
    );
    for (let version = 1; version <= 50; version += 1) {
      at.put("a");
      await at.clock.settle();
    }
    const reader = response!.body!.getReader();
    const texts: string[] = [];
    while (!texts.at(-1)?.includes('"version":50')) {
      const { value } = await reader.read();
      texts.push(new TextDecoder().decode(value as Uint8Array));
    }
    expect(texts.length).toBeLessThan(6);
    await reader.cancel();
  });

  it("ends at once when its reader leaves, its signal aborts, or the Waybill closes", async () => {
    const at = observeWorld();
    const left = await streaming(at, null);
    const stop = new AbortController();
    const stopped = await streaming(at, null, { signal: stop.signal });
    const closed = await streaming(at, null);
    await left.reader?.cancel();
    stop.abort();
    await stopped.ended;
    await at.clock.runUntil(at.waybill.close());
    await closed.ended;
    expect(at.clock.pending()).toBe(0);
  });

  it("throws when what there is cannot be read", async () => {
    const at = observeWorld();
    at.trouble.reads = true;
    await expect(streaming(at, "a")).rejects.toMatchObject({ code: "store.unavailable" });
  });
});
