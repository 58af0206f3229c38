// What a broker that is down costs those who submit: the record is stored, and nobody waits for what is known to be in vain.
import { describe, expect, it } from "vitest";
import type { RabbitmqChannel, RabbitmqChannelModel } from "../../src/adapters/rabbitmq/client.js";
import { sleep } from "../../src/core/environment/clock.js";
import { Link } from "../../src/adapters/rabbitmq/link.js";
import { rabbitmqNotifier, rabbitmqQueue } from "../../src/rabbitmq.js";
import { sampleEvent } from "../../src/testing/notifier-suite/sample-event.js";
import { world } from "../support/relay-core.js";

type Mood =
  /** Refuses connections. */
  | "refuses"
  /** Answers no attempt to connect. */
  | "hangs"
  | "answers"
  /** Connected to, and answers nothing. */
  | "silent"
  /** Confirms nothing in time, and opens a channel after a tenth of a second. */
  | "slow";

function setUp() {
  const w = world();
  const { clock } = w;
  const broker = {
    mood: "answers" as Mood,
    connected: 0,
    published: 0,
    opened: 0,
    lose: (): void => undefined,
  };
  const never = new Promise<never>(() => undefined);
  const channel = (): RabbitmqChannel => {
    const made = {
      on: () => undefined,
      prependListener: () => undefined,
      checkExchange: async () => undefined,
      publish: (...args: readonly unknown[]) => {
        broker.published += 1;
        if (broker.mood === "answers") (args.at(-1) as (error: unknown) => void)(null);
        return true;
      },
      close: () => Promise.resolve(),
    };
    return made as unknown as RabbitmqChannel;
  };
  const model = (): RabbitmqChannelModel => ({
    connection: { nth: (broker.connected += 1) },
    createConfirmChannel: () => {
      broker.opened += 1;
      if (broker.mood === "slow") return sleep(clock, 100).then(channel);
      return broker.mood === "answers" ? Promise.resolve(channel()) : never;
    },
    close: () => Promise.resolve(),
    on(event: string, listener: () => void) {
      if (event === "close") broker.lose = listener;
    },
  });
  const link = new Link(
    () => {
      if (broker.mood === "refuses")
        return Promise.reject(Object.assign(new Error(), { code: "ECONNREFUSED" }));
      return broker.mood === "hangs" ? never : Promise.resolve(model());
    },
    { clock, random: () => 0.5 },
  );
  const queue = rabbitmqQueue({ connection: link, queue: "q", declare: false });
  const p = w.process({ queue });
  /** How long a submit takes, and what became of the job. */
  const submitted = async () => {
    const from = clock.now();
    const id = await p.submit();
    const tookMs = clock.now() - from;
    return { id, tookMs, status: (await w.read(id)).record.status };
  };
  return { ...w, p, link, broker, queue, submitted };
}

describe("a broker that is down", () => {
  it("is waited for a second at most, and then not at all: jobs are stored, and sent once it is back", async () => {
    const { broker, submitted, clock, p, read } = setUp();
    broker.mood = "refuses";
    const first = await submitted();
    expect([first.status, first.tookMs <= 1_000]).toEqual(["PENDING", true]);
    await clock.advance(1_000);
    for (let nth = 0; nth < 50; nth += 1) expect((await submitted()).tookMs).toBe(0);
    expect(p.warnings.at(-1)).toMatchObject({ fields: { reason: "ECONNREFUSED" } });

    broker.mood = "answers";
    // Those who did not wait had it connected to all the same, and what they sent goes then.
    await clock.advance(5_000);
    expect(broker.published).toBe(51);
    expect(await submitted()).toMatchObject({ status: "QUEUED", tookMs: 0 });
    // Nobody has heard of that: the reconciler sends them again, which is harmless.
    await clock.advance(60_000);
    await p.pass();
    expect((await read(first.id)).record.status).toBe("QUEUED");
    expect(broker.published).toBe(51 + 1 + 51);
  });

  it("that is away for long is sent nothing that the reconciler has sent by then", async () => {
    const { broker, submitted, clock, link } = setUp();
    broker.mood = "refuses";
    for (let nth = 0; nth < 3; nth += 1) await submitted();
    await clock.advance(60_000);
    broker.mood = "answers";
    await clock.runUntil(link.session());
    await clock.advance(60_000);
    expect(broker.published).toBe(0);
  });

  it("that answers no attempt to connect is waited for once", async () => {
    const { broker, submitted } = setUp();
    broker.mood = "hangs";
    expect(await submitted()).toMatchObject({ status: "PENDING", tookMs: 5_000 });
    expect(await submitted()).toMatchObject({ status: "PENDING", tookMs: 0 });
  });

  it("that leaves a message unconfirmed is sent nothing more until it answers", async () => {
    const { broker, submitted, clock } = setUp();
    expect((await submitted()).status).toBe("QUEUED");
    broker.mood = "silent";
    expect(await submitted()).toMatchObject({ status: "PENDING", tookMs: 8_000 });
    expect(await submitted()).toMatchObject({ status: "PENDING", tookMs: 0 });
    expect(broker.published).toBe(2);
    // Asked for another channel, which it does not give: the connection is given up.
    await clock.advance(8_000);
    broker.lose();
    broker.mood = "answers";
    expect((await submitted()).status).toBe("QUEUED");
  });

  it("that answers nothing is connected to anew, also where the driver never says that the connection is gone", async () => {
    const { broker, submitted, clock } = setUp();
    expect((await submitted()).status).toBe("QUEUED");
    broker.mood = "silent";
    await submitted();
    await clock.advance(8_000);
    broker.mood = "answers";
    expect((await submitted()).status).toBe("QUEUED");
    expect(broker.connected).toBe(2);
  });

  it("that was only slow gets the next message as soon as it has answered, and is asked once", async () => {
    const { broker, clock, queue, submitted } = setUp();
    expect((await submitted()).status).toBe("QUEUED");
    broker.mood = "slow";
    const opened = broker.opened;
    const message = { body: "a", delayMs: 0, dedupId: "a", groupId: "a" };
    const sending = queue.send([message, message, message]);
    await clock.advance(8_099);
    expect((await sending).map(({ status }) => status)).toEqual(["unknown", "unknown", "unknown"]);
    expect(broker.opened).toBe(opened + 1);
    broker.mood = "answers";
    expect(await submitted()).toMatchObject({ status: "PENDING", tookMs: 0 });
    await clock.advance(1);
    expect(await submitted()).toMatchObject({ status: "QUEUED", tookMs: 0 });
  });

  it("has the connection back within its second: what was submitted meanwhile is sent", async () => {
    const { broker, submitted, p } = setUp();
    expect((await submitted()).status).toBe("QUEUED");
    broker.mood = "refuses";
    broker.lose();
    const meanwhile = p.submit();
    broker.mood = "answers";
    await meanwhile;
    expect(broker.published).toBe(2);
  });

  it("is tried again by who sends after a long time, since nobody has looked meanwhile", async () => {
    const { broker, submitted, clock } = setUp();
    broker.mood = "refuses";
    await submitted();
    broker.mood = "answers";
    await clock.advance(2_000);
    broker.lose();
    await clock.advance(3_600_000);
    expect(await submitted()).toMatchObject({ status: "QUEUED", tookMs: 0 });
    broker.mood = "refuses";
    broker.lose();
    await clock.advance(3_600_000);
    expect(await submitted()).toMatchObject({ status: "PENDING", tookMs: 0 });
  });

  it("is waited for by a notifier, for which nobody waits: a moment's trouble is no failure that adds up", async () => {
    const { broker, link, clock, submitted } = setUp();
    const notifier = rabbitmqNotifier({ connection: link });
    const publish = () =>
      notifier.publish([sampleEvent("job-a", 1)], {
        signal: new AbortController().signal,
        view: async () => null,
      });
    broker.mood = "refuses";
    await submitted();
    await clock.advance(1_000);
    const publishing = publish();
    await clock.advance(2_000);
    broker.mood = "answers";
    expect(await clock.runUntil(publishing)).toEqual([{ status: "delivered" }]);
    broker.mood = "refuses";
    broker.lose();
    expect(await clock.runUntil(publish())).toMatchObject([{ status: "retry" }]);
  });
});
