import assert from "node:assert/strict";
import type { FeedHint } from "../../core/ports/feed.js";
import { type FeedProbe, sampleHint, type FeedTest } from "./feed-probe.js";

/** What is heard is what was published, whoever is named beside it. */
async function isHeardAlone(probe: FeedProbe, calls: readonly (readonly FeedHint[])[]): Promise<void> {
  const heard: FeedHint[] = [];
  await probe.subscriber.subscribe((hint) => heard.push(hint));
  for (const hints of calls) await probe.publisher.publish(hints);
  await probe.expectHeard(heard, calls.flat());
  await probe.publishLast(heard);
  const known = new Map(calls.flat().map((hint) => [hint.id, hint]));
  for (const hint of heard) {
    const given = known.get(hint.id);
    if (hint.id === sampleHint("the-last-hint").id) continue;
    assert.ok(given !== undefined, `a hint of ${hint.id} was heard, which nobody published`);
    const { id, kind, version, owner, subject } = hint;
    const { readyAt: _, wakeAt: __, ...expected } = given;
    assert.deepEqual(
      { id, kind, version, owner, subject },
      expected,
      `the hint of ${id}: each says what its own publisher said of it`,
    );
  }
}

export function ownersBehaviour(test: FeedTest): void {
  const hintOf = (id: string, owner: string | null, version = 1): FeedHint => ({
    ...sampleHint(id, version),
    owner,
    kind: `sample.kind-${version}`,
    subject: owner,
  });

  test("tells of each hint of one call whose it is, and of nothing that was not published", async (probe) => {
    const owners = [
      "tenant-a",
      "tenant-b",
      null,
      "Tenant-A",
      "tenant-a",
      `${"o".repeat(255)}1`,
      `${"o".repeat(255)}2`,
    ];
    await isHeardAlone(probe, [owners.map((owner, place) => hintOf(`job-${place}`, owner, place + 1))]);
  });

  test("tells so of hints of several calls", async (probe) => {
    await isHeardAlone(probe, [
      [hintOf("job-a", "tenant-a")],
      [hintOf("job-b", "tenant-b", 7), hintOf("job-c", null)],
      [hintOf("job-d", "tenant-a", 3)],
    ]);
  });
}
