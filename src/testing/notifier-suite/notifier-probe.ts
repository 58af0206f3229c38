import assert from "node:assert/strict";
import type { ServerEvent } from "../../core/event.js";
import type { Notifier, PublishResult } from "../../core/ports/notifier.js";
import type { FixtureTest } from "../suite-runner.js";
import { SuiteTime, type MovableTime } from "../suite-time.js";

/** How a receiver may answer. */
export type ReceiverAnswer = "accept" | "retry" | "rejected" | "hang";

/** A notifier and the receiver behind it. */
export interface NotifierFixture extends MovableTime {
  readonly notifier: Notifier;
  /** The ids of the events that the receiver took, in order of arrival, repeated ones repeated. */
  delivered(): readonly string[] | Promise<readonly string[]>;
  /**
   * Lets the receiver answer so to this one event (`jobId:version`) from now on: `retry` with a failure that may pass
   * (503, throttled), `rejected` with one that will not (410, malformed), `hang` not at all. Leave out where it cannot be
   * arranged.
   */
  answer?(eventId: string, answer: ReceiverAnswer): void | Promise<void>;
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

  publish(
    events: readonly ServerEvent[],
    signal: AbortSignal = new AbortController().signal,
  ): Promise<readonly PublishResult[]> {
    return this.notifier.publish(events, { signal, view: () => Promise.resolve(null) });
  }

  async statuses(events: readonly ServerEvent[]): Promise<readonly PublishResult["status"][]> {
    return (await this.publish(events)).map(({ status }) => status);
  }

  async delivered(): Promise<readonly string[]> {
    return this.fixture.delivered();
  }

  async answer(eventId: string, answer: ReceiverAnswer): Promise<void> {
    assert.equal(canAnswer(this), null);
    await this.fixture.answer?.(eventId, answer);
  }

  /** Insists on what was delivered, in order of arrival. */
  async expectDelivered(...ids: readonly string[]): Promise<void> {
    assert.deepEqual([...(await this.delivered())], ids);
  }
}

export function canAnswer({ fixture }: NotifierProbe): string | null {
  return fixture.answer === undefined ? "the fixture cannot arrange how the receiver answers" : null;
}
