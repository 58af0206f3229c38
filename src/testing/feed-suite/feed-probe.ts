import assert from "node:assert/strict";
import type { Feed, FeedHint } from "../../core/ports/feed.js";
import type { FixtureTest } from "../suite-runner.js";
import { SuiteTime, type MovableTime } from "../suite-time.js";

/** Two ends of one feed, as two processes have them, with a working link. */
export interface FeedFixture extends MovableTime {
  readonly publisher: Feed;
  readonly subscriber: Feed;
  /**
   * Cuts the link of `subscriber`, which comes back by itself; what is published meanwhile may be lost. Leave out where no link
   * can be lost, or none can be cut.
   */
  loseLink?(): void | Promise<void>;
  /** Called after the test, whatever came of it; closes both ends. */
  close(): Promise<void>;
}

export type FeedTest = FixtureTest<FeedProbe>;

const PATIENCE_MS = 10_000;

/** A hint that job `id` is now at `version`: of kind `sample.kind`, owner `tenant-7` and subject `plan:42`. */
export function sampleHint(id: string, version = 1): FeedHint {
  return { id, kind: "sample.kind", version, owner: "tenant-7", subject: "plan:42" };
}

export class FeedProbe {
  readonly publisher: Feed;
  readonly subscriber: Feed;
  readonly time: SuiteTime;
  readonly fixture: FeedFixture;

  constructor(fixture: FeedFixture) {
    this.fixture = fixture;
    this.publisher = fixture.publisher;
    this.subscriber = fixture.subscriber;
    this.time = new SuiteTime(fixture);
  }

  /** Insists that all of these were heard. Hints may be doubled. */
  async expectHeard(heard: readonly FeedHint[], expected: readonly FeedHint[]): Promise<void> {
    const missing = (): FeedHint[] => expected.filter((hint) => !heard.some((other) => isSame(hint, other)));
    const all = await this.time.until(() => missing().length === 0, PATIENCE_MS);
    assert.ok(all, `not heard: ${JSON.stringify(missing().slice(0, 3))}; heard: ${heard.length} hints`);
  }

  /** Publishes a hint that everybody hears who is still attached: what came before it has come by then. */
  async publishLast(heard: readonly FeedHint[]): Promise<void> {
    const last = sampleHint("the-last-hint");
    await this.publisher.publish([last]);
    await this.expectHeard(heard, [last]);
  }
}

function isSame(one: FeedHint, other: FeedHint): boolean {
  return (
    one.id === other.id &&
    one.version === other.version &&
    one.owner === other.owner &&
    one.subject === other.subject
  );
}
