import assert from "node:assert/strict";
import { MOST_QUEUE_ID_CHARS } from "../../core/ports/queue.js";
import { bodiesOf, type QueueTest } from "./queue-probe.js";

/** Subjects are texts of users: other scripts, spaces, quotes, separators, and half a surrogate pair. */
const HOSTILE_IDS = [
  "Zürich 東京 🚂",
  "Zürich 東京 🚃",
  " ",
  "a b",
  "a:b/c'd\"e\\f;--",
  "\ud83d",
  "__proto__",
  "字".repeat(MOST_QUEUE_ID_CHARS),
];

export function sendingBehaviour(test: QueueTest): void {
  whatIsSent(test);
  apart(test);
  partOfABatch(test);
  test("declares capabilities that can be", async ({ queue, fixture }) => {
    const { maxBatch, maxDelayMs, maxReceives, visibilityMs, sendLanes, redispatchAfterMs } =
      queue.capabilities;
    assert.equal(visibilityMs, fixture.visibilityMs, "it is hidden for another time than it declares");
    for (const [name, value] of Object.entries({ sendLanes, redispatchAfterMs }))
      assert.ok(
        value === undefined || (Number.isInteger(value) && value >= 1),
        `${name} is ${String(value)}`,
      );
    const ordered: unknown = queue.capabilities.ordered;
    assert.ok(typeof ordered === "boolean", `ordered is ${String(ordered)}`);
    assert.ok(Number.isInteger(maxBatch) && maxBatch >= 1, `maxBatch is ${maxBatch}`);
    assert.ok(Number.isInteger(maxDelayMs) && maxDelayMs >= 0, `maxDelayMs is ${maxDelayMs}`);
    assert.ok(maxReceives === null || (Number.isInteger(maxReceives) && maxReceives >= 1));
  });
}

function whatIsSent(test: QueueTest): void {
  test("confirms each message and delivers it", async (probe) => {
    await probe.send("a", "b", "c");
    assert.deepEqual(bodiesOf(await probe.collect(3)).sort(), ["a", "b", "c"]);
  });

  test("takes and delivers a full batch", async (probe) => {
    const bodies = Array.from(
      { length: probe.queue.capabilities.maxBatch },
      (_, place) => `message ${place}`,
    );
    await probe.send(...bodies);
    assert.deepEqual(bodiesOf(await probe.collect(bodies.length)).sort(), bodies.sort());
  });

  test("keeps every body as it was, character by character", async (probe) => {
    const bodies = [
      JSON.stringify({ v: 1, id: "job_1", kind: "mail.send", dispatch: 1, purpose: "run", trace: null }),
      JSON.stringify({ text: "Zürich 東京 🚂 \u2028 \u00a0 e\u0301" }),
      JSON.stringify({ text: "tab\tnewline\r\nquote\" backslash\\ <&> ' ; -- ${x} %s" }),
      '{\n\t"spaced" : true\n}',
      JSON.stringify({ id: "x".repeat(4_096) }),
      ' {"blanks": "around it"}\r\n',
      // Reads like base64, and is none.
      "eyJ2IjoxLCJpZCI6ImpvYl8xIn0=",
    ];
    await probe.send(...bodies);
    assert.deepEqual(bodiesOf(await probe.collect(bodies.length)).sort(), bodies.sort());
  });

  test("takes ids of 128 characters, and group ids of any text", async (probe) => {
    const most = MOST_QUEUE_ID_CHARS;
    const messages = [
      // Two ids that differ in their last character only.
      probe.message("long 1", { dedupId: `${"d".repeat(most - 1)}1`, groupId: `${"g".repeat(most - 1)}1` }),
      probe.message("long 2", { dedupId: `${"d".repeat(most - 1)}2`, groupId: `${"g".repeat(most - 1)}2` }),
      ...HOSTILE_IDS.map((id, place) => probe.message(`hostile ${place}`, { dedupId: id, groupId: id })),
    ];
    await probe.sendMessages(messages);
    assert.deepEqual(
      bodiesOf(await probe.collect(messages.length)).sort(),
      messages.map(({ body }) => body).sort(),
    );
  });
}

function apart(test: QueueTest): void {
  test("keeps two messages of one body apart", async (probe) => {
    await probe.send("twin");
    await probe.send("twin");
    const [first, second] = await probe.collect(2);
    await first?.ack();
    await second?.release(0);
    const again = await probe.collectOne();
    assert.deepEqual(
      [again.body, again.receives],
      ["twin", 2],
      "`ack` removes the message, and none that reads like it",
    );
  });

  test("leaves the messages that it is given as they are", async (probe) => {
    const messages = ["a", "b"]
      .slice(0, probe.queue.capabilities.maxBatch)
      .map((body) => probe.message(body));
    const before = messages.map((message) => ({ ...message }));
    await probe.queue.send(messages);
    assert.deepEqual(messages, before, "send reads its messages, and changes none");
  });
}

function partOfABatch(test: QueueTest): void {
  whatIsNotConfirmed(test);
  test(
    "rejects what it can never hold and sends the rest of the batch",
    async (probe) => {
      const unsendable = probe.fixture.unsendable ?? "";
      const results = await probe.sendAny(["a", unsendable, "b"].map((body) => probe.message(body)));
      assert.deepEqual(
        results.map(({ status }) => status),
        ["sent", "rejected", "sent"],
      );
      assert.deepEqual(bodiesOf(await probe.collect(2)).sort(), ["a", "b"]);
    },
    ({ fixture }) =>
      fixture.unsendable === undefined ? "the fixture names no body that has to be rejected" : null,
  );

  test(
    "rejects what it can never hold at the head of a batch and sends the rest, and gives a reason without its body",
    async (probe) => {
      const unsendable = probe.fixture.unsendable ?? "";
      const [first, ...rest] = await probe.sendAny([unsendable, "a", "b"].map((body) => probe.message(body)));
      assert.ok(first?.status === "rejected", `the first of a batch was answered ${first?.status}`);
      assert.ok(!first.reason.includes(unsendable), "`reason` holds no payload");
      assert.deepEqual(
        rest.map(({ status }) => status),
        ["sent", "sent"],
      );
      assert.deepEqual(bodiesOf(await probe.collect(2)).sort(), ["a", "b"]);
    },
    ({ fixture }) =>
      fixture.unsendable === undefined ? "the fixture names no body that has to be rejected" : null,
  );
}

function whatIsNotConfirmed(test: QueueTest): void {
  test(
    "gives a reason without the body where a message is not confirmed",
    async (probe) => {
      probe.fixture.breakNextSend?.();
      const [result] = await probe.sendAny([probe.message("s3cret-of-the-body")]);
      assert.ok(result?.status === "unknown", "what is not confirmed is unknown");
      assert.ok(!result.reason.includes("s3cret"), "`reason` holds no payload");
    },
    ({ fixture }) =>
      fixture.breakNextSend === undefined ? "the fixture cannot keep a message from being confirmed" : null,
  );

  test(
    "answers for each message of a batch that was taken in part",
    async (probe) => {
      const messages = ["a", "b", "c"].map((body) => probe.message(body));
      probe.fixture.breakNextSend?.();
      const results = await probe.sendAny(messages);
      assert.deepEqual(
        results.map(({ status }) => status),
        ["unknown", "sent", "sent"],
      );
      // What is not confirmed may be there all the same; what is confirmed must be.
      const bodies = new Set<string>();
      const both = async (): Promise<boolean> => {
        for (const delivery of await probe.receive(1, probe.time.isReal ? 1_000 : 0))
          bodies.add(delivery.body);
        return bodies.has("b") && bodies.has("c");
      };
      assert.ok(await probe.time.until(both, 10_000), `of b and c came ${[...bodies].join(", ")}`);
    },
    ({ fixture }) =>
      fixture.breakNextSend === undefined ? "the fixture cannot keep a message from being confirmed" : null,
  );
}
