import { describe, expect, it } from "vitest";
import { z } from "zod";
import { createWaybill, defineJob, memoryStore } from "../../src/index.js";
import { testWaybill } from "../../src/testing.js";

const SECRETS = ["s".repeat(32)] as const;
const HOUR = 3_600_000;

const recover = defineJob({
  kind: "dr.recover",
  input: z.object({ plan: z.string() }),
  output: z.object({ ready: z.number() }),
  external: z.object({ launch: z.string() }),
  phases: ["launching", "converting"],
  retry: { maxAttempts: 3, baseMs: 1_000, capMs: 1_000 },
});
const other = defineJob({ kind: "dr.other", input: z.object({}), external: z.object({}) });
const plain = defineJob({ kind: "plain", input: z.object({}) });
const own = defineJob({
  kind: "own.recover",
  input: z.object({}),
  external: z.object({}),
  handOver: "own",
  deadlineMs: HOUR,
});

const DONE = { state: "done", output: { ready: 6 } } as const;

interface Launch {
  readonly token: string;
  /** Lets the run go on to `track`. */
  readonly launched: () => void;
}

/** A Waybill whose runs of `recover` make a token, and track what they launched when they are let. */
function launching({ ttlMs, timeoutMs }: { readonly ttlMs?: number; readonly timeoutMs?: number } = {}) {
  const launches: Launch[] = [];
  const waybill = testWaybill({
    jobs: [recover, other, plain, own],
    callbacks: { secrets: SECRETS },
    handlers: [
      recover.handle({
        run: async ({ callbackToken, track, attempt }) => {
          const token = await callbackToken(ttlMs === undefined ? {} : { ttlMs });
          await new Promise<void>((resolve) => launches.push({ token, launched: resolve }));
          return track({ launch: `launch ${String(attempt)}` });
        },
        poll: () => ({ state: "open" }),
        timeoutMs,
      }),
    ],
  });
  return {
    waybill,
    launches,
    async submitted(owner?: string) {
      const job = await waybill
        .submit(recover, { plan: "42" }, owner === undefined ? {} : { owner })
        .unwrap();
      await waybill.settle();
      return job.id;
    },
    async track(index = 0) {
      launches[index]!.launched();
      await waybill.settle();
    },
  };
}

const codeOf = (told: { readonly ok: boolean; readonly error?: { readonly code: string } }) =>
  told.ok ? "ok" : told.error?.code;

describe("a callback", () => {
  it("ends the job that launched the work, and is told so when it comes again", async () => {
    const { waybill, launches, submitted, track } = launching();
    const id = await submitted();
    await track();
    const { token } = launches[0]!;
    const told = await waybill.report(recover, { token }, DONE);
    expect(told).toMatchObject({ ok: true, value: { id, status: "COMPLETED", output: { ready: 6 } } });
    const again = await waybill.report(recover, { token }, DONE);
    expect(again).toMatchObject({ ok: false, error: { code: "job.already_final", retryable: false } });
  });

  it("that comes before the run has tracked its work is too early, and may come again", async () => {
    const { waybill, launches, submitted, track } = launching();
    await submitted();
    const { token } = launches[0]!;
    const early = await waybill.report(recover, { token }, DONE);
    expect(early).toMatchObject({ ok: false, error: { code: "job.not_awaiting", retryable: true } });
    await track();
    expect(codeOf(await waybill.report(recover, { token }, DONE))).toBe("ok");
  });

  it("still finds its work after polls, each of which raises the fence", async () => {
    const { waybill, launches, submitted, track } = launching();
    await submitted();
    await track();
    await waybill.advance(95_000);
    expect(codeOf(await waybill.report(recover, { token: launches[0]!.token }, DONE))).toBe("ok");
  });

  it("of an older attempt finds nothing: before the next run, during it, and while its work is open", async () => {
    const { waybill, launches, submitted, track } = launching();
    const id = await submitted();
    await track();
    const { token } = launches[0]!;
    const failed = { state: "failed", message: "no capacity", rerun: true } as const;
    expect(codeOf(await waybill.report(recover, { token }, failed))).toBe("ok");
    const late = async () => codeOf(await waybill.report(recover, { token }, DONE));
    expect([(await waybill.get(id))?.status, await late()]).toEqual(["QUEUED", "job.not_found"]);
    await waybill.advance(10_000);
    expect([launches.length, await late()]).toEqual([2, "job.not_found"]);
    await track(1);
    expect(await late()).toBe("job.not_found");
    expect((await waybill.get(id))?.status).toBe("PROCESSING");
    expect(codeOf(await waybill.report(recover, { token: launches[1]!.token }, DONE))).toBe("ok");
    expect(await late()).toBe("job.already_final");
  });

  it("is nothing once its token has expired, however its time was set", async () => {
    for (const [options, ttlMs] of [
      [{ ttlMs: 5_000 }, 5_000],
      [{ timeoutMs: 10_000 }, 10_000 + HOUR],
    ] as const) {
      const { waybill, launches, submitted } = launching(options);
      await submitted();
      const { token } = launches[0]!;
      await waybill.advance(ttlMs - 1);
      expect(codeOf(await waybill.report(recover, { token }, DONE))).not.toBe("callback.invalid");
      await waybill.advance(1);
      const late = await waybill.report(recover, { token }, DONE);
      expect(late).toMatchObject({ ok: false, error: { code: "callback.invalid", retryable: false } });
    }
  });

  it("is nothing to another kind, and to another owner", async () => {
    const { waybill, launches, submitted, track } = launching();
    await submitted("ann");
    await track();
    const { token } = launches[0]!;
    expect(codeOf(await waybill.report(other, { token }, { state: "done" }))).toBe("job.not_found");
    expect(codeOf(await waybill.report(recover, { token }, DONE, { owner: "bob" }))).toBe("job.not_found");
    expect(codeOf(await waybill.report(recover, { token }, DONE, { owner: "ann" }))).toBe("ok");
  });

  it("is refused with a state that there is not, or an output that the schema refuses; nothing is written", async () => {
    const { waybill, launches, submitted, track } = launching();
    const id = await submitted();
    await track();
    const { token } = launches[0]!;
    for (const seen of [{ state: "donee" }, { state: "done", output: {} }]) {
      expect(codeOf(await waybill.report(recover, { token }, seen as never))).toBe("input.invalid");
    }
    expect((await waybill.get(id))?.status).toBe("PROCESSING");
  });

  it("is of one form: a reference or a token", async () => {
    const { waybill } = launching();
    for (const target of [{}, { ref: "a", token: "b" }, { ref: undefined }, undefined]) {
      await expect(waybill.report(recover, target as never, DONE)).rejects.toMatchObject({
        code: "config.invalid",
      });
    }
    await expect(waybill.report(recover, { tokn: "b" } as never, DONE)).rejects.toThrow(
      "Did you mean token?",
    );
  });
});

describe("a token", () => {
  it("is made for a claim of the application's own too", async () => {
    const waybill = testWaybill({ jobs: [own], callbacks: { secrets: SECRETS } });
    const { id } = await waybill.submit(own, {}).unwrap();
    const claim = await waybill.claim(own, id).unwrap();
    const token = await claim.callbackToken();
    await claim.track({});
    expect(codeOf(await waybill.report(own, { token }, { state: "done" }))).toBe("ok");
    expect((await waybill.get(id))?.status).toBe("COMPLETED");
  });

  it.each([
    ["no secrets", recover, false, undefined, "needs callbacks: { secrets }"],
    ["no external work", plain, true, undefined, "has no external work"],
    ["a time that is none", recover, true, { ttlMs: -1 }, "ttlMs of callbackToken must be"],
    ["an unknown option", recover, true, { ttl: 1 }, "Did you mean ttlMs?"],
  ])("is not made with %s", async (_, def, withSecrets, options, sentence) => {
    const refusals: unknown[] = [];
    const make = async (context: object): Promise<void> => {
      const { callbackToken } = context as { callbackToken(options: unknown): Promise<string> };
      await callbackToken(options).catch((error: unknown) => refusals.push(error));
    };
    const waybill = testWaybill({
      jobs: [recover, plain],
      ...(withSecrets ? { callbacks: { secrets: SECRETS } } : {}),
      handlers: [
        recover.handle({
          run: async (context) => {
            await make(context);
            return context.done({ ready: 0 });
          },
          poll: () => ({ state: "open" }),
        }),
        plain.handle(make),
      ],
    });
    await waybill.submit(def as typeof recover, { plan: "42" }).unwrap();
    await waybill.settle();
    expect(refusals).toMatchObject([{ code: "config.invalid", message: expect.stringContaining(sentence) }]);
  });

  it("is not taken where there are no secrets", async () => {
    const waybill = testWaybill({ jobs: [recover] });
    await expect(waybill.report(recover, { token: "v1" }, DONE)).rejects.toThrow("callbacks: { secrets }");
  });

  it("needs secrets that are long enough, at construction", () => {
    const compose = () =>
      createWaybill({ jobs: [recover], store: memoryStore(), callbacks: { secrets: ["short"] } });
    expect(compose).toThrow("callbacks.secrets[0] must be a text of at least 32 bytes");
  });
});
