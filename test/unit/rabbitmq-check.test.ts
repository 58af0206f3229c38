// What `check` makes of a broker's answers, and what it says where there is none.
import { EventEmitter } from "node:events";
import { describe, expect, it } from "vitest";
import type { RabbitmqChannel, RabbitmqChannelModel } from "../../src/adapters/rabbitmq/client.js";
import { Link } from "../../src/adapters/rabbitmq/link.js";
import { rabbitmqQueue, type RabbitmqQueueOptions } from "../../src/rabbitmq.js";
import { fakeClock } from "../../src/testing/fake-clock.js";

const expected = { longestLeaseMs: 30_000, redispatchAfterMs: 60_000 };

/** A broker that answers a declaration, and a question for a queue, with these codes; `null`: it does as it is asked. */
interface Answers {
  readonly declared: number | null;
  readonly asked: (queue: string) => number | null;
}

const REFUSED = 403;
const MISSING = 404;
const DIFFERS = 406;

function brokerOf({ declared, asked }: Answers): RabbitmqChannelModel {
  const answer = async (code: number | null): Promise<object> => {
    if (code === null) return { messageCount: 0 };
    throw Object.assign(new Error("amqp://user:s3cret@host"), { code });
  };
  const channel = (): RabbitmqChannel => {
    const made = Object.assign(new EventEmitter(), {
      assertQueue: () => answer(declared),
      checkQueue: (queue: string) => answer(asked(queue)),
      close: () => Promise.resolve(),
    });
    return made as unknown as RabbitmqChannel;
  };
  return {
    connection: {},
    createConfirmChannel: () => Promise.resolve(channel()),
    close: () => Promise.resolve(),
    on: () => undefined,
  };
}

async function codesOf(answers: Answers, options: Partial<RabbitmqQueueOptions> = {}) {
  const link = new Link(() => Promise.resolve(brokerOf(answers)));
  const queue = rabbitmqQueue({ connection: link, queue: "q", ...options });
  const findings = await queue.check!(expected);
  await link.close();
  return findings.map(({ code, severity }) => [code, severity]);
}

const there = (): null => null;

describe("a check of RabbitMQ's queues", () => {
  it("finds nothing where all is as Waybill declares it", async () => {
    expect(await codesOf({ declared: null, asked: there })).toEqual([]);
    expect(await codesOf({ declared: null, asked: there }, { declare: false })).toEqual([]);
  });

  it("tells of a user who may not declare, unless the queues are somebody else's to declare", async () => {
    const answers = { declared: REFUSED, asked: there };
    expect(await codesOf(answers)).toEqual([["rabbitmq.permission_missing", "error"]]);
    expect(await codesOf(answers, { declare: false })).toEqual([]);
  });

  it("tells of queues that are declared otherwise, whoever declares them", async () => {
    const answers = { declared: DIFFERS, asked: there };
    for (const declare of [true, false])
      expect(await codesOf(answers, { declare })).toEqual([["rabbitmq.queue_differs", "error"]]);
  });

  it("tells of what somebody else was to declare: the queue, its dead letters, and each step of the ladder", async () => {
    const without = (...missing: readonly string[]): Answers => ({
      declared: null,
      asked: (queue) => (missing.includes(queue) ? MISSING : null),
    });
    const declare = false;
    expect(await codesOf(without("q"), { declare })).toEqual([["rabbitmq.queue_missing", "error"]]);
    expect(await codesOf(without("q.dead"), { declare })).toEqual([["rabbitmq.queue_missing", "error"]]);
    expect(await codesOf(without("q.delay.1024"), { declare })).toEqual([
      ["rabbitmq.ladder_missing", "error"],
    ]);
    expect(await codesOf(without("letters"), { declare, deadLetterQueue: "letters" })).toEqual([
      ["rabbitmq.queue_missing", "error"],
    ]);
  });

  it("warns of a limit that a few restarts use up", async () => {
    expect(await codesOf({ declared: null, asked: there }, { maxReceives: 4 })).toEqual([
      ["rabbitmq.max_receives_low", "warning"],
    ]);
  });

  it("rejects where the broker cannot be reached, as a count does, with no word of its address", async () => {
    const clock = fakeClock();
    const error = Object.assign(new Error("amqp://user:s3cret@host"), { code: "ECONNREFUSED" });
    const queue = rabbitmqQueue({
      connection: new Link(() => Promise.reject(error), { clock }),
      queue: "q",
    });
    for (const ask of [() => queue.check!(expected), () => queue.backlog!()]) {
      const told = await clock.runUntil(ask().catch((thrown: unknown) => thrown));
      expect(told).toMatchObject({ code: "queue.unavailable" });
      expect(`${String(told)} ${JSON.stringify(told)}`).toContain("ECONNREFUSED");
      expect(`${String(told)} ${JSON.stringify(told)}`).not.toContain("s3cret");
    }
  });
});
