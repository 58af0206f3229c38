import assert from "node:assert/strict";
import { MOST_QUEUE_ID_CHARS } from "../../core/ports/queue.js";
import { bodiesOf, hasVisibility, isOrdered, type QueueTest } from "./queue-probe.js";
import { LATE } from "./receives/visibility.js";

/** Within the five minutes for which a deduplication id is known. */
const FOUR_MINUTES_MS = 240_000;

export function orderBehaviour(test: QueueTest): void {
  withinAGroup(test);
  whatHoldsAGroup(test);
  deduplication(test);
  betweenGroups(test);
  whatComesAgain(test);
}

/** The order holds when a message comes back, by whatever way. */
function whatComesAgain(test: QueueTest): void {
  test(
    "delivers a message whose visibility ended before the later ones of its group",
    async (probe) => {
      for (const body of ["1", "2"]) await probe.sendMessages([probe.message(body, { groupId: "g" })]);
      assert.equal((await probe.collectOne()).body, "1");
      await probe.passVisibly(probe.visibilityMs);
      const again = await probe.collectOne();
      assert.deepEqual([again.body, again.receives], ["1", 2], "messages of one group keep their order");
      await probe.expectNothing("the group has a message in flight");
      await again.ack();
      assert.equal((await probe.collectOne()).body, "2");
    },
    (probe) => isOrdered(probe) ?? hasVisibility(probe),
  );

  test(
    "holds a group back while a released message of it is delayed",
    async (probe) => {
      for (const body of ["1", "2"]) await probe.sendMessages([probe.message(body, { groupId: "g" })]);
      await (await probe.collectOne()).release(2_000);
      await probe.expectNothing("the first message of the group was released for later");
      await probe.passVisibly(2_000);
      const again = await probe.collectOne();
      assert.equal(again.body, "1", "messages of one group keep their order");
      await again.ack();
      assert.equal((await probe.collectOne()).body, "2");
    },
    isOrdered,
  );

  test(
    "tells groups apart that differ in their last character, or in their case",
    async (probe) => {
      const long = "g".repeat(MOST_QUEUE_ID_CHARS - 1);
      const groups = [`${long}1`, `${long}2`, "Group", "group"];
      for (const groupId of groups) await probe.sendMessages([probe.message(groupId, { groupId })]);
      const held = await probe.collect(groups.length);
      assert.deepEqual(bodiesOf(held).sort(), [...groups].sort(), "no other group is held back");
    },
    isOrdered,
  );
}

function withinAGroup(test: QueueTest): void {
  test(
    "delivers the messages of one group in the order in which they were sent, one by one or in a batch",
    async (probe) => {
      // The first one by one, the rest in batches; more than ten, since texts of numbers are in another order.
      const bodies = Array.from({ length: 14 }, (_, place) => `message ${place + 1}`);
      const messages = bodies.map((body) => probe.message(body, { groupId: "g" }));
      for (const message of messages.slice(0, 4)) await probe.sendMessages([message]);
      await probe.sendMessages(messages.slice(4));
      const seen: string[] = [];
      while (seen.length < bodies.length) {
        const delivery = await probe.collectOne();
        seen.push(delivery.body);
        await delivery.ack();
      }
      assert.deepEqual(seen, bodies, "messages of one group keep their order, those of one send too");
    },
    isOrdered,
  );

  test(
    "never returns two messages of one group in one receive",
    async (probe) => {
      const { maxBatch } = probe.queue.capabilities;
      for (const body of ["1", "2", "3"]) {
        await probe.sendMessages([
          probe.message(`g${body}`, { groupId: "g" }),
          probe.message(`h${body}`, { groupId: "h" }),
        ]);
      }
      const seen: string[] = [];
      const all = async (): Promise<boolean> => {
        const deliveries = await probe.receive(maxBatch, probe.time.isReal ? 1_000 : 0);
        const groups = bodiesOf(deliveries).map((body) => body.charAt(0));
        assert.equal(new Set(groups).size, groups.length, `${bodiesOf(deliveries).join(", ")} came together`);
        seen.push(...bodiesOf(deliveries));
        for (const delivery of deliveries) await delivery.ack();
        return seen.length >= 6;
      };
      assert.ok(await probe.time.until(all, 10_000), `only ${seen.join(", ")} came`);
      for (const group of ["g", "h"]) {
        assert.deepEqual(
          seen.filter((body) => body.startsWith(group)),
          ["1", "2", "3"].map((body) => group + body),
        );
      }
    },
    isOrdered,
  );
}

function betweenGroups(test: QueueTest): void {
  test(
    "keeps the order in a group of any text, and holds back no other",
    async (probe) => {
      const [train, tram] = ["Zürich 東京 🚂", "Zürich 東京 🚃"];
      await probe.sendMessages([probe.message("1", { groupId: train })]);
      const first = await probe.collectOne();
      await probe.sendMessages([
        probe.message("2", { groupId: train }),
        probe.message("other", { groupId: tram }),
      ]);
      assert.equal((await probe.collectOne()).body, "other");
      await probe.expectNothing("the group has a message in flight");
      await first.ack();
      assert.equal((await probe.collectOne()).body, "2");
    },
    isOrdered,
  );

  test(
    "holds a group back while one of its messages is in flight, and no other group",
    async (probe) => {
      await probe.sendMessages([probe.message("1", { groupId: "g" })]);
      const first = await probe.collectOne();
      await probe.sendMessages([
        probe.message("2", { groupId: "g" }),
        probe.message("other", { groupId: "h" }),
      ]);
      const other = await probe.collectOne();
      assert.equal(other.body, "other");
      await probe.expectNothing("the group has a message in flight");
      await first.ack();
      assert.equal((await probe.collectOne()).body, "2");
    },
    isOrdered,
  );

  test(
    "delivers a released message before the later ones of its group",
    async (probe) => {
      for (const body of ["1", "2"]) await probe.sendMessages([probe.message(body, { groupId: "g" })]);
      await (await probe.collectOne()).release(0);
      const again = await probe.collectOne();
      assert.equal(again.body, "1", "messages of one group keep their order");
      await probe.expectNothing("the group has a message in flight, also when it came again");
      await again.ack();
      assert.equal((await probe.collectOne()).body, "2");
    },
    isOrdered,
  );
}

function deduplication(test: QueueTest): void {
  test(
    "swallows a repeated deduplication id, also after the first message was acknowledged",
    async (probe) => {
      const message = probe.message("a", { groupId: "g", dedupId: "once" });
      await probe.sendMessages([message]);
      await (await probe.collectOne()).ack();
      if (!probe.time.isReal) await probe.time.pass(FOUR_MINUTES_MS);
      await probe.sendMessages([message]);
      await probe.expectNothing("the deduplication id was used less than five minutes before");
      await probe.sendMessages([{ ...message, dedupId: "twice" }]);
      assert.equal((await probe.collectOne()).body, "a");
    },
    isOrdered,
  );

  test(
    "tells deduplication ids apart that differ in their case",
    async (probe) => {
      await probe.sendMessages([
        probe.message("1", { dedupId: "job-a" }),
        probe.message("2", { dedupId: "Job-A" }),
      ]);
      assert.deepEqual(
        bodiesOf(await probe.collect(2)).sort(),
        ["1", "2"],
        "a repeated `dedupId` is swallowed, and no other",
      );
    },
    isOrdered,
  );

  test(
    "holds a message that it confirms the second time",
    async (probe) => {
      const message = probe.message("a", { dedupId: "once" });
      probe.fixture.breakNextSend?.();
      const [first] = await probe.sendAny([message]);
      assert.equal(first?.status, "unknown");
      await probe.sendMessages([message]);
      const delivery = await probe.collectOne();
      assert.equal(delivery.body, "a", "`sent`: the queue holds it, whatever became of the first try");
      await delivery.ack();
      await probe.passVisibly(probe.fixture.visibilityMs ?? 0);
      await probe.expectNothing("a repeated `dedupId` is swallowed");
    },
    (probe) =>
      isOrdered(probe) ??
      (probe.fixture.breakNextSend === undefined
        ? "the fixture cannot keep a message from being confirmed"
        : null),
  );
}

/** More than an adapter looks through at once that looks at the first ones only. */
const MANY = 25;

/** A group waits for the message of it that is held, as long as it is held, and for no other group's. */
function whatHoldsAGroup(test: QueueTest): void {
  late(test);
  test(
    "holds a group back for as long as its message is extended",
    async (probe) => {
      for (const body of ["1", "2"]) await probe.sendMessages([probe.message(body, { groupId: "g" })]);
      const held = await probe.collectOne();
      await held.extend(probe.visibilityMs * 3);
      await probe.expectNothing("the group has a message in flight");
      await probe.passVisibly(probe.visibilityMs);
      await probe.expectNothing("the group has a message in flight, which was extended");
      await held.ack();
      assert.equal((await probe.collectOne()).body, "2");
    },
    (probe) => isOrdered(probe) ?? hasVisibility(probe),
  );

  test(
    "frees the group of a message that is acknowledged, and no other",
    async (probe) => {
      for (const body of ["1", "2"])
        await probe.sendMessages([
          probe.message(`g${body}`, { groupId: "g" }),
          probe.message(`h${body}`, { groupId: "h" }),
        ]);
      const held = await probe.collect(2);
      assert.deepEqual(bodiesOf(held).sort(), ["g1", "h1"]);
      await held.find(({ body }) => body === "g1")?.ack();
      assert.equal((await probe.collectOne()).body, "g2");
      await probe.expectNothing("both groups have a message in flight");
    },
    isOrdered,
  );

  test(
    "hands over what is sent behind many messages of a group that is held back",
    async (probe) => {
      const blocked = Array.from({ length: MANY }, (_, place) =>
        probe.message(`g${place}`, { groupId: "g" }),
      );
      await probe.sendMessages(blocked);
      await probe.collectOne();
      await probe.sendMessages([probe.message("other", { groupId: "h" })]);
      assert.equal((await probe.collectOne()).body, "other", "a group in flight holds up no other");
    },
    isOrdered,
  );
}

function late(test: QueueTest): void {
  for (const [how, settle] of Object.entries(LATE))
    test(
      `holds a group back for a newer receive whatever is ${how} late`,
      async (probe) => {
        for (const body of ["1", "2"]) await probe.sendMessages([probe.message(body, { groupId: "g" })]);
        const first = await probe.collectOne();
        await probe.passVisibly(probe.visibilityMs);
        const newer = await probe.collectOne();
        assert.deepEqual([newer.body, newer.receives], ["1", 2]);
        // It may reject: it has nothing to act on.
        await settle(first, probe.visibilityMs).catch(() => undefined);
        await probe.expectNothing("a late delivery changes nothing newer: the group has a message in flight");
        await newer.ack();
        assert.equal((await probe.collectOne()).body, "2");
      },
      (probe) => isOrdered(probe) ?? hasVisibility(probe),
    );
}
