// `waybill/testing` runs where tests run, which is Node: its assertions are there already and show what differs.
import assert from "node:assert/strict";
import type { Delivery, OutgoingMessage, Queue, SendResult } from "../../core/ports/queue.js";
import type { ErrorCode } from "../../core/errors/error-codes.js";
import { isWaybillError } from "../../core/errors/errors.js";
import type { FixtureTest } from "../suite-runner.js";
import { SuiteTime, type MovableTime } from "../suite-time.js";

/** A call that the service may leave without an answer. */
export type HungCall = "send" | "receive" | "ack" | "release" | "extend";

/** One empty queue that nobody else uses. Its `maxReceives`, where it has one, is 3 or more. */
export interface QueueFixture extends MovableTime {
  readonly queue: Queue;
  /** How long a received message stays hidden unless it is settled; `null`: as long as its receiver lives. */
  readonly visibilityMs: number | null;
  /** A body that the queue can never hold and has to reject. Leave out where there is none. */
  readonly unsendable?: string;
  /** Makes the queue not confirm the next message that is sent, whatever else its batch holds. Leave out where nothing can. */
  breakNextSend?(): void;
  /** Makes the service never answer the next call of this kind, and do nothing of it. Leave out where nothing can. */
  hangNext?(call: HungCall): void;
  /**
   * Keeps the queue from reaching its service, or lets it reach it again; what is tried meanwhile has no effect there. Leave out
   * where nothing can.
   */
  outage?(on: boolean): void | Promise<void>;
  /** Called after the test, whatever came of it; frees the queue. */
  close(): Promise<void>;
}

export type QueueTest = FixtureTest<QueueProbe>;

/** Longer than any broker takes to hand over what it has. */
const PATIENCE_MS = 10_000;

/** Brokers count delays in whole seconds and may be late, never early. */
const LATE_MS = 1_500;

/** What the tests say to a queue. */
export class QueueProbe {
  readonly queue: Queue;
  readonly time: SuiteTime;
  readonly fixture: QueueFixture;
  #made = 0;

  constructor(fixture: QueueFixture) {
    this.fixture = fixture;
    this.queue = fixture.queue;
    this.time = new SuiteTime(fixture);
  }

  message(body: string, over: Partial<OutgoingMessage> = {}): OutgoingMessage {
    this.#made += 1;
    return { body, delayMs: 0, dedupId: `dedup-${this.#made}`, groupId: `group-${this.#made}`, ...over };
  }

  /** Sends messages, each in a group of its own, and insists that they were confirmed. */
  async send(...bodies: readonly string[]): Promise<void> {
    await this.sendMessages(bodies.map((body) => this.message(body)));
  }

  async sendMessages(messages: readonly OutgoingMessage[]): Promise<void> {
    assert.deepEqual(
      await this.sendAny(messages),
      messages.map(() => ({ status: "sent" })),
    );
  }

  /** Sends messages in as many batches as it takes and returns what the queue said to each. */
  async sendAny(messages: readonly OutgoingMessage[]): Promise<SendResult[]> {
    const { maxBatch } = this.queue.capabilities;
    const results: SendResult[] = [];
    for (let sent = 0; sent < messages.length; sent += maxBatch) {
      results.push(...(await this.queue.send(messages.slice(sent, sent + maxBatch))));
    }
    return results;
  }

  receive(
    max: number,
    waitMs: number,
    signal: AbortSignal = new AbortController().signal,
  ): Promise<readonly Delivery[]> {
    return this.queue.receive({ max, waitMs, signal });
  }

  /** Receives until there are `count` deliveries; fails when they do not come. */
  async collect(count: number, from: Pick<Queue, "receive"> = this.queue): Promise<Delivery[]> {
    const deliveries: Delivery[] = [];
    const { signal } = new AbortController();
    const came = await this.time.until(async () => {
      const max = Math.min(count - deliveries.length, this.queue.capabilities.maxBatch);
      deliveries.push(...(await from.receive({ max, waitMs: this.time.isReal ? 1_000 : 0, signal })));
      return deliveries.length >= count;
    }, PATIENCE_MS);
    assert.ok(
      came,
      `${count} deliveries were expected, ${deliveries.length} came: ${bodiesOf(deliveries).join(", ")}`,
    );
    return deliveries;
  }

  async collectOne(from: Pick<Queue, "receive"> = this.queue): Promise<Delivery> {
    const [delivery] = await this.collect(1, from);
    assert.ok(delivery);
    expectDelivery(delivery);
    return delivery;
  }

  /** Insists that nothing can be received now. */
  async expectNothing(why: string): Promise<void> {
    const deliveries = await this.receive(this.queue.capabilities.maxBatch, this.time.isReal ? 300 : 0);
    assert.deepEqual(bodiesOf(deliveries), [], why);
  }

  /** Lets so much time pass that what was hidden or delayed for `ms` must have become visible. */
  async passVisibly(ms: number): Promise<void> {
    await this.time.pass(this.time.isReal ? ms + LATE_MS : ms);
  }

  /** The visibility of this queue. Only for tests that apply where there is one. */
  get visibilityMs(): number {
    assert.ok(this.fixture.visibilityMs !== null);
    return this.fixture.visibilityMs;
  }
}

/** What a delivery says of itself, by its types: a service answers many numbers as texts. */
function expectDelivery({ body, receives, sentAt, groupId }: Delivery): void {
  assert.equal(typeof body, "string", "`body` is text");
  assert.ok(
    Number.isInteger(receives) && receives >= 1,
    `\`receives\` counts from 1, and is ${String(receives)}`,
  );
  assert.ok(
    sentAt === null || Number.isFinite(sentAt),
    `\`sentAt\` is Unix milliseconds or null, not ${String(sentAt)}`,
  );
  assert.ok(
    groupId === undefined || groupId === null || typeof groupId === "string",
    "`groupId` is text, or null",
  );
}

/** A rejection with this code, for `assert.rejects`. */
export function coded(code: ErrorCode): (error: unknown) => boolean {
  return (error) => {
    const found: unknown = isWaybillError(error) ? error.code : error;
    assert.equal(found, code, "a queue rejects with a `WaybillError` of this code");
    return true;
  };
}

export function bodiesOf(deliveries: readonly Delivery[]): string[] {
  return deliveries.map(({ body }) => body);
}

export function hasVisibility({ fixture }: QueueProbe): string | null {
  return fixture.visibilityMs === null ? "the queue hides a message as long as its receiver lives" : null;
}

export function hasDelay({ queue }: QueueProbe): string | null {
  return queue.capabilities.maxDelayMs === 0 ? "the queue declares maxDelayMs: 0" : null;
}

export function isOrdered({ queue }: QueueProbe): string | null {
  return queue.capabilities.ordered ? null : "the queue declares ordered: false";
}
