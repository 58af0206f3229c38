import { describe, expect, it } from "vitest";
import type { RabbitmqChannelModel, RabbitmqMessage } from "../../src/adapters/rabbitmq/client.js";
import { reasonOf, unavailable } from "../../src/adapters/rabbitmq/errors.js";
import { Link } from "../../src/adapters/rabbitmq/link.js";
import { LONGEST_DELAY_MS, rungNames, rungOf } from "../../src/adapters/rabbitmq/topology.js";
import { headersOf, returnsOf, travelOf } from "../../src/adapters/rabbitmq/work-queue/travel.js";
import { rabbitmqConnection, rabbitmqFeed, rabbitmqNotifier, rabbitmqQueue } from "../../src/rabbitmq.js";
import { sampleEvent } from "../../src/testing/notifier-suite/sample-event.js";
import { fakeClock } from "../../src/testing/fake-clock.js";

const connection = rabbitmqConnection(() => Promise.reject(new Error("no broker here")));

describe("the delay ladder", () => {
  it("has a rung for every delay, whose delays differ by a factor of two at most", () => {
    const spans = new Map<string, { least: number; most: number }>();
    for (let delayMs = 1; delayMs <= LONGEST_DELAY_MS; delayMs = Math.ceil(delayMs * 1.003)) {
      const { queue, expiresMs } = rungOf("q", delayMs);
      // Never early.
      expect(expiresMs).toBeGreaterThanOrEqual(delayMs);
      const { least, most } = spans.get(queue) ?? { least: delayMs, most: delayMs };
      spans.set(queue, { least: Math.min(least, delayMs), most: Math.max(most, delayMs) });
    }
    for (const [queue, { least, most }] of spans) {
      expect(rungNames("q")).toContain(queue);
      // Below the first rung a delay is late by a tenth of a second at most.
      if (most > 128) expect(most / least).toBeLessThanOrEqual(2);
    }
  });

  it("cuts a delay to its longest, and rounds up what is no whole millisecond", () => {
    expect(rungOf("q", 10 * LONGEST_DELAY_MS).expiresMs).toBe(LONGEST_DELAY_MS);
    expect(rungOf("q", 0.2).expiresMs).toBe(1);
    expect(rungOf("q", 1_024)).toEqual({ queue: "q.delay.1024", expiresMs: 1_024 });
    expect(rungOf("q", 1_025)).toEqual({ queue: "q.delay.2048", expiresMs: 1_025 });
  });
});

function message(headers: Record<string, unknown>, redelivered = false, timestamp?: number): RabbitmqMessage {
  return {
    content: new Uint8Array(),
    fields: { deliveryTag: 1, redelivered },
    properties: { headers, timestamp },
  };
}

describe("what a message carries from copy to copy", () => {
  it("comes out as it went in", () => {
    const travel = { receivesBefore: 3, sentAt: 1_700_000_000_123, groupId: "g", remainingMs: 5 };
    expect(travelOf(message(headersOf(travel)))).toEqual(travel);
  });

  it("is as good as missing where anybody wrote nonsense", () => {
    const headers = {
      "waybill-receives": -1,
      "waybill-sent-at": "yesterday",
      "waybill-group": 7,
      "waybill-remaining-ms": 1.5,
    };
    expect(travelOf(message(headers, false, 1_700_000_000))).toEqual({
      receivesBefore: 0,
      sentAt: 1_700_000_000_000,
      groupId: null,
      remainingMs: 0,
    });
  });

  it("counts returns as a quorum queue does, or by the mark of a classic one", () => {
    expect(returnsOf(message({ "x-delivery-count": 4 }, true))).toBe(4);
    expect(returnsOf(message({}, true))).toBe(1);
    expect(returnsOf(message({}))).toBe(0);
  });
});

describe("reasons", () => {
  it("hold nothing of an address, whatever the driver put into its error", () => {
    const error = Object.assign(new Error("connect amqp://user:s3cret@host failed"), {
      input: "amqp://user:s3cret@host",
    });
    for (const code of ["ECONNREFUSED", 403, 999, "amqp://user:s3cret@host", undefined]) {
      const given = Object.assign(error, { code });
      expect(reasonOf(given)).not.toContain("s3cret");
      const told = unavailable("queue", "RabbitMQ does not hand over messages", given);
      expect(`${told.message} ${String(told.cause)} ${JSON.stringify(told)}`).not.toContain("s3cret");
    }
  });
});

describe("options", () => {
  const bad: readonly (readonly [string, () => unknown])[] = [
    ["rabbitmqConnection takes a function", () => rabbitmqConnection("amqp://host" as never)],
    ["connection must be", () => rabbitmqQueue({ connection: {} as never, queue: "q" })],
    ["name of a queue", () => rabbitmqQueue({ connection, queue: "" })],
    ["amq.", () => rabbitmqQueue({ connection, queue: "amq.q" })],
    ["is the queue itself", () => rabbitmqQueue({ connection, queue: "q", deadLetterQueue: "q" })],
    ["maxReceives", () => rabbitmqQueue({ connection, queue: "q", maxReceives: 1 })],
    ["consumerTimeoutMs", () => rabbitmqQueue({ connection, queue: "q", consumerTimeoutMs: 30 })],
    ["Did you mean queue?", () => rabbitmqQueue({ connection, queeu: "q" } as never)],
    ['fields needs format "flat"', () => rabbitmqNotifier({ connection, fields: () => ({}) })],
    ["format must be", () => rabbitmqNotifier({ connection, format: "xml" as never })],
    ["Did you mean exchange?", () => rabbitmqNotifier({ connection, exchnage: "e" } as never)],
    ["exchange must be a name", () => rabbitmqFeed({ connection, exchange: "" })],
  ];
  it.each(bad)("are refused at construction: %s", (sentence, construct) => {
    expect(construct).toThrow(expect.objectContaining({ code: "config.invalid" }) as Error);
    expect(construct).toThrow(sentence);
  });

  it("are said to fit as capabilities", () => {
    const { capabilities } = rabbitmqQueue({ connection, queue: "q", maxReceives: 5 });
    expect(capabilities).toEqual({
      maxDelayMs: 900_000,
      ordered: false,
      maxBatch: 100,
      maxReceives: 5,
      visibilityMs: null,
    });
  });
});

describe("the notifier", () => {
  it.each([[undefined], [""], [7]])("publishes nothing under a name that is none: %s", async (name) => {
    const notifier = rabbitmqNotifier({ connection, name: () => name as never });
    const context = { signal: new AbortController().signal, view: async () => null };
    expect(await notifier.publish([sampleEvent("job-a", 1)], context)).toEqual([
      { status: "retry", reason: "the application's name gave no text for the kind" },
    ]);
  });
});

/** A connection without a broker, that can be lost. */
function fakeModel(): RabbitmqChannelModel & { lose(): void } {
  const listeners = new Map<string, (() => void)[]>();
  return {
    connection: {},
    createConfirmChannel: () => Promise.reject(new Error("no channels here")),
    close: () => Promise.resolve(),
    on(event, listener) {
      listeners.set(event, [...(listeners.get(event) ?? []), listener]);
    },
    lose() {
      for (const listener of listeners.get("close") ?? []) listener();
    },
  };
}

describe("the connection", () => {
  it("waits longer with each attempt that fails, and no longer than five seconds", async () => {
    const clock = fakeClock();
    const attempts: number[] = [];
    const link = new Link(
      () => {
        attempts.push(clock.now());
        return Promise.reject(new Error("refused"));
      },
      { clock, random: () => 0.999_999, times: { patienceMs: 60_000 } },
    );
    const session = link.session().catch((error: unknown) => error);
    await clock.advance(60_000);
    expect(await session).toBeInstanceOf(Error);
    const waits = attempts.slice(1).map((at, place) => Math.round(at - attempts[place]!));
    expect(waits.slice(0, 8)).toEqual([100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000]);
  });

  it("is made once for all who ask at the same time, and again when it was lost", async () => {
    const models: ReturnType<typeof fakeModel>[] = [];
    const link = new Link(async () => {
      models.push(fakeModel());
      return models.at(-1)!;
    });
    const [one, other] = await Promise.all([link.session(), link.session()]);
    expect([one === other, models.length]).toEqual([true, 1]);
    models[0]!.lose();
    expect(one.isLost).toBe(true);
    expect(await link.session()).not.toBe(one);
    await link.close();
    await expect(link.session()).rejects.toMatchObject({ code: "waybill.closed" });
  });

  it("asks the driver's socket not to hold back small frames, whatever it was opened with", async () => {
    const asked: boolean[] = [];
    const stream = { setNoDelay: (on: boolean) => asked.push(on) };
    const link = new Link(() => Promise.resolve({ ...fakeModel(), connection: { stream } }));
    await link.session();
    expect(asked).toEqual([true]);
    await link.close();
  });

  it("does not wait for ever for a connect that hangs, and closes what comes late", async () => {
    const clock = fakeClock();
    let closed = 0;
    let connected: (model: RabbitmqChannelModel) => void = () => undefined;
    const link = new Link(() => new Promise((resolve) => (connected = resolve)), {
      clock,
      times: { answerMs: 1_000, patienceMs: 500 },
    });
    const session = link.session().catch((error: unknown) => error);
    await clock.advance(2_000);
    expect(await session).toBeInstanceOf(Error);
    connected({ ...fakeModel(), close: async () => void (closed += 1) });
    await clock.advance(1);
    expect(closed).toBe(1);
  });
});
