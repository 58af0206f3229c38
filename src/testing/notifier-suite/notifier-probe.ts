import assert from "node:assert/strict";
import type { ServerEvent } from "../../core/job/event.js";
import type { Notifier, PublishContext, PublishResult } from "../../core/ports/notifier.js";
import type { FixtureTest } from "../suite-runner.js";
import { SuiteTime, type MovableTime } from "../suite-time.js";
import { sampleView } from "./sample-event.js";

/** How a receiver may answer. */
export type ReceiverAnswer = "accept" | "retry" | "held" | "rejected" | "hang";

/** A notifier and the receiver behind it. */
export interface NotifierFixture extends MovableTime {
  readonly notifier: Notifier;
  /** The ids of the events that the receiver took, in order of arrival, repeated ones repeated. */
  delivered(): readonly string[] | Promise<readonly string[]>;
  /**
   * Lets the receiver answer so to this one event (`jobId:version`) from now on: `retry` with a failure that may pass,
   * `held` with a wish to be left alone for a while (429, throttled), `rejected` with a failure that is the event's own
   * (410, too large), `hang` not at all. Leave out where nothing can be arranged.
   */
  answer?(eventId: string, answer: ReceiverAnswer): void | Promise<void>;
  /**
   * What the receiver took, in order of arrival: of each event its `id`, and of its other fields those that it was told, by
   * their names in an event. Leave out where what arrives cannot be looked into.
   */
  received?(): readonly Partial<ServerEvent>[] | Promise<readonly Partial<ServerEvent>[]>;
  /** For how long a receiver that answers `retry` asks to be left alone, milliseconds. Leave out where it does not say. */
  readonly retryAfterMs?: number;
  /** Which answers can be arranged. @default all but `held` */
  readonly answers?: readonly ReceiverAnswer[];
  /**
   * The event as it would be in a lane (of another owner, another kind …): equal names are one lane, others are apart.
   * Leave out where the notifier has no `lane`.
   */
  inLane?(event: ServerEvent, lane: string): ServerEvent;
  /** Called after the test, whatever came of it. */
  close(): Promise<void>;
}

export type NotifierTest = FixtureTest<NotifierProbe>;

export class NotifierProbe {
  readonly notifier: Notifier;
  readonly time: SuiteTime;
  readonly fixture: NotifierFixture;

  constructor(fixture: NotifierFixture) {
    this.fixture = fixture;
    this.notifier = fixture.notifier;
    this.time = new SuiteTime(fixture);
  }

  /** Publishes, and insists that each event has an answer. */
  async publish(
    events: readonly ServerEvent[],
    context: Partial<PublishContext> = {},
  ): Promise<readonly PublishResult[]> {
    const { signal = new AbortController().signal, view = async (jobId: string) => sampleView(jobId) } =
      context;
    const results = await this.notifier.publish(events, { signal, view });
    assert.equal(results.length, events.length, "`publish` answers per event: how many answers there are");
    return results;
  }

  async statuses(events: readonly ServerEvent[]): Promise<readonly PublishResult["status"][]> {
    return (await this.publish(events)).map(({ status }) => status);
  }

  async delivered(): Promise<readonly string[]> {
    return this.fixture.delivered();
  }

  async answer(eventId: string, answer: ReceiverAnswer): Promise<void> {
    assert.equal(canAnswer(answer)(this), null);
    await this.fixture.answer?.(eventId, answer);
  }

  /** Insists on what was delivered, in order of arrival. */
  async expectDelivered(...ids: readonly string[]): Promise<void> {
    assert.deepEqual([...(await this.delivered())], ids);
  }
}

/** By the port. */
const MOST_REASON_CHARS = 200;

/** Insists that an answer gives a reason that can be shown. */
export function expectReason(result: PublishResult, which: string): void {
  const reason: unknown = "reason" in result ? result.reason : undefined;
  assert.ok(typeof reason === "string" && reason !== "", `${which}, ${result.status}, gives no reason`);
  assert.ok(
    reason.length <= MOST_REASON_CHARS,
    `the reason of ${which} has ${reason.length} characters, at most ${MOST_REASON_CHARS} are allowed`,
  );
}

const USUAL_ANSWERS: readonly ReceiverAnswer[] = ["accept", "retry", "rejected", "hang"];

/** Whether the fixture's receiver can answer in all these ways. */
export function canAnswer(...wanted: readonly ReceiverAnswer[]): (probe: NotifierProbe) => string | null {
  return ({ fixture }) => {
    if (fixture.answer === undefined) return "the fixture cannot arrange how the receiver answers";
    const { answers = USUAL_ANSWERS } = fixture;
    const lacking = wanted.filter((answer) => !answers.includes(answer));
    return lacking.length === 0 ? null : `the fixture cannot arrange ${lacking.join(", ")}`;
  };
}
