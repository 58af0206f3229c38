import { readdirSync, readFileSync } from "node:fs";
import { runInNewContext } from "node:vm";
import pino from "pino";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { z } from "zod";
import { createWaybill, defineJob, memoryStore } from "../../src/index.js";
import { explained } from "../../src/adapters/redis/client/errors.js";
import { WaybillError } from "../../src/core/errors/errors.js";
import { isError, isThenable } from "../../src/core/errors/foreign.js";
import { codeOf } from "../../src/core/engine/context.js";
import { thrownReason } from "../../src/core/engine/relay/reason.js";
import { fakeClock } from "../../src/testing.js";

const mail = defineJob({ kind: "mail", input: z.object({ to: z.string() }), output: z.string() });
const launch = defineJob({ kind: "launch", input: z.object({}), output: z.string(), external: z.string() });

/** Runs one job to its end. */
async function ended(
  options: object,
  begin: (waybill: ReturnType<typeof compose>) => Promise<{ readonly id: string }>,
  handler: Parameters<ReturnType<typeof compose>["worker"]>[0][number],
) {
  const clock = fakeClock();
  const waybill = compose({ clock, ...options });
  const worker = waybill.worker([handler]);
  const running = worker.run();
  const { id } = await clock.runUntil(begin(waybill));
  await clock.advance(120_000);
  const job = await clock.runUntil(waybill.get(id));
  await clock.runUntil(waybill.close());
  await running;
  return job;
}

const compose = (options: object) =>
  createWaybill({ jobs: [mail, launch], store: memoryStore(), ...options });
const send = (waybill: ReturnType<typeof compose>) => waybill.submit(mail, { to: "ann" }).unwrap();

describe("a handler that is an object of a class", () => {
  class Mailer {
    readonly #from = "#me";
    private readonly to = "you";
    sent = 0;
    run({ input }: { readonly input: { readonly to: string } }): string {
      this.sent += 1;
      return `${this.#from} to ${input.to} and ${this.to}`;
    }
  }
  class Servers {
    readonly #id = "server-1";
    readonly client = { states: ["open", "done"] };
    run({ track }: { track: (ref: string) => never }): never {
      return track(this.#id);
    }
    poll({ ref }: { readonly ref: string }) {
      const done = this.client.states.shift() === "done" && ref === this.#id;
      return done
        ? { state: "done" as const, output: this.#id }
        : { state: "open" as const, nextPollMs: 1_000 };
    }
  }

  it("keeps what is its own: private fields, injected parts", async () => {
    const job = await ended({}, send, mail.handle(new Mailer()));
    expect(job).toMatchObject({ status: "COMPLETED", output: "#me to ann and you", attempt: 1 });
  });

  it("keeps it in poll, too", async () => {
    const handler = launch.handle(new Servers() as never);
    const job = await ended({}, (waybill) => waybill.submit(launch, {}).unwrap(), handler);
    expect(job).toMatchObject({ status: "COMPLETED", output: "server-1" });
  });

  it("is refused by what it lacks; a plain object also by what it has too much", () => {
    expect(() =>
      mail.handle(
        new (class {
          sent = 0;
        })() as never,
      ),
    ).toThrow("needs run, a function");
    expect(() => mail.handle({ run: () => "x", pol: 1 } as never)).toThrow('no option "pol"');
  });
});

describe("what is of another library or realm", () => {
  it("is a promise by its then", async () => {
    expect(
      [Promise.resolve(), runInNewContext("Promise.resolve()"), { then: () => 0 }].map(isThenable),
    ).toEqual([true, true, true]);
    expect([null, undefined, 1, "then", { then: 1 }].some(isThenable)).toBe(false);
    const later = <T>(value: T) => ({
      then: (resolve: (value: T) => void) => {
        queueMicrotask(() => {
          resolve(value);
        });
      },
    });
    const schema = (value: unknown) =>
      ({ "~standard": { version: 1, vendor: "x", validate: () => later({ value }) } }) as never;
    const slow = defineJob({ kind: "mail", input: schema({ to: "ann" }), output: schema("sent") });
    // As zone.js does: what an async function gives is none of these.
    vi.stubGlobal("Promise", class ZoneAwarePromise<T> extends Promise<T> {});
    onTestFinished(() => void vi.unstubAllGlobals());
    const clock = fakeClock();
    const waybill = createWaybill({ jobs: [slow], store: memoryStore(), clock });
    const running = waybill.worker([slow.handle(() => later("x") as never)]).run();
    const { id } = await clock.runUntil(waybill.submit(slow, {} as never).unwrap());
    await clock.advance(1_000);
    expect(await clock.runUntil(waybill.get(id))).toMatchObject({ status: "COMPLETED", output: "sent" });
    await clock.runUntil(waybill.close());
    await running;
  });

  it("is judged by no class anywhere: promises and errors of another realm are of another one", () => {
    const judging = readdirSync("src", { recursive: true, encoding: "utf8" })
      .filter((file) => /\.tsx?$/.test(file) && !file.endsWith("errors/foreign.ts"))
      .filter((file) => /instanceof (Promise|Error)\b/.test(readFileSync(`src/${file}`, "utf8")));
    expect(judging).toEqual([]);
  });

  it("is told by what it says where Redis refused, or was not reached", () => {
    const refused = runInNewContext(
      "Object.assign(new Error('OOM no room'), { name: 'ReplyError' })",
    ) as unknown;
    expect(explained(refused, "writes")).toMatchObject({ code: "store.unavailable", outcome: "not_applied" });
    const away = runInNewContext("new Error('Connection is closed.')") as unknown;
    expect(explained(away, "writes")).toMatchObject({ cause: { message: "Connection is closed." } });
  });

  it("is an error where it says that it is one", () => {
    const foreign = runInNewContext("new TypeError('s3cret')") as unknown;
    expect(foreign instanceof Error).toBe(false);
    expect([foreign, new RangeError("x"), new WaybillError("claim.lost", "Gone.")].map(isError)).toEqual([
      true,
      true,
      true,
    ]);
    expect([{ name: "Error", message: "x" }, "Error", null].some(isError)).toBe(false);
    expect(codeOf(foreign)).toBe("TypeError");
    expect(thrownReason(foreign)).toBe("the notifier threw TypeError");
  });
});

describe("a logger that takes its fields first", () => {
  it("keeps them: pino", async () => {
    const lines: Record<string, unknown>[] = [];
    const logger = pino(
      { level: "debug" },
      { write: (line: string) => void lines.push(JSON.parse(line) as never) },
    );
    await ended(
      { logger },
      send,
      mail.handle(({ logger: own }) => (own.info("on its way", { town: "Ulm" }), "x")),
    );
    const said = lines.find(({ msg }) => msg === "on its way");
    expect(said).toMatchObject({ town: "Ulm", level: 30, jobId: expect.any(String) as string });
    // As a child, with fields of its own.
    lines.length = 0;
    const child = logger.child({ service: "mail" });
    await ended(
      { logger: child },
      send,
      mail.handle(({ logger: own }) => {
        own.warn("nearly there");
        return "x";
      }),
    );
    expect(lines.some(({ service, jobId }) => service === "mail" && typeof jobId === "string")).toBe(true);
  });

  it("bunyan, which names its serializers; and another with children keeps ours", async () => {
    const calls: unknown[][] = [];
    const tell = (...args: unknown[]) => void calls.push(args);
    const levels = { debug: tell, info: tell, warn: tell, error: tell, child: () => levels };
    const handler = mail.handle(({ logger }) => (logger.info("hello", { a: 1 }), "x"));
    await ended({ logger: { ...levels, addSerializers: () => 0 } }, send, handler);
    await ended({ logger: levels }, send, handler);
    const [bunyan, winston] = calls.filter((args) => args.includes("hello"));
    expect(bunyan).toEqual([expect.objectContaining({ a: 1 }), "hello"]);
    expect(winston).toEqual(["hello", expect.objectContaining({ a: 1 })]);
  });
});

describe("another definition of a kind", () => {
  it("is warned of once, where a job is submitted and where a worker is made", async () => {
    const again = defineJob({ kind: "mail", input: z.object({ to: z.string() }), output: z.string() });
    const warned: unknown[] = [];
    const warn = (message: string, fields?: object): void => void warned.push([message, fields]);
    const logger = { debug: () => undefined, info: () => undefined, warn, error: warn };
    const clock = fakeClock();
    const waybill = compose({ clock, logger });
    await clock.runUntil(waybill.submit(mail, { to: "ann" }).unwrap());
    waybill.worker([mail.handle(() => "x")]);
    expect(warned).toEqual([]);
    await clock.runUntil(waybill.submit(again as never, { to: "ann" } as never).unwrap());
    waybill.worker([again.handle(() => "x")]);
    const place = expect.stringMatching(/^\S*other-programs\.test\.ts:\d+:\d+$/) as string;
    const places = { kind: "mail", madeAt: place, againAt: place };
    expect(warned).toEqual([[expect.stringContaining("another definition of its kind"), places]]);
    const reloaded = compose({ clock, logger });
    reloaded.worker([again.handle(() => "x")]);
    expect(warned).toHaveLength(2);
    await clock.runUntil(Promise.all([waybill.close(), reloaded.close()]));
  });
});
