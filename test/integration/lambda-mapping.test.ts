import { SQSClient, SendMessageCommand } from "@aws-sdk/client-sqs";
import { afterEach, describe, expect, it } from "vitest";
import { EventSourceMapping } from "../doubles/lambda/mapping.js";
import type { Outcome } from "../doubles/lambda/outcome.js";
import { REGION } from "../doubles/sqs/account.js";
import { CREDENTIALS } from "../doubles/sqs/bench.js";
import { startSqs } from "../doubles/sqs/server.js";

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

interface Records {
  readonly Records: readonly {
    readonly messageId: string;
    readonly body: string;
    readonly attributes: object;
  }[];
}

/** A mapping of a queue with some messages, to a function that answers what it is told. */
async function mapped(
  answer: (event: Records) => Outcome,
  { name = "jobs", bodies = ["a", "b"], reportBatchItemFailures = true, VisibilityTimeout = "30" } = {},
) {
  const sqs = await startSqs({ queues: { [name]: { VisibilityTimeout } } });
  const client = new SQSClient({ endpoint: sqs.endpoint, region: REGION, credentials: CREDENTIALS });
  ends.push(() => {
    client.destroy();
    return sqs.close();
  });
  const QueueUrl = sqs.queueUrl(name);
  for (const [place, MessageBody] of bodies.entries()) {
    const fifo = { MessageGroupId: "g", MessageDeduplicationId: String(place) };
    const input = { QueueUrl, MessageBody, ...(name.endsWith(".fifo") ? fifo : {}) };
    await client.send(new SendMessageCommand(input));
  }
  const events: Records[] = [];
  const mapping = new EventSourceMapping({
    ...{ client, queueUrl: QueueUrl, queueArn: sqs.queueArn(name), reportBatchItemFailures },
    invoke: async (event) => {
      events.push(event as Records);
      return answer(event as Records);
    },
  });
  return { events, mapping, left: () => sqs.counts(name).inFlight + sqs.counts(name).visible };
}

const answered = (body: unknown): Outcome => ({ status: "answered", body: JSON.stringify(body) });

describe("the double of an event source mapping", () => {
  it.each([
    ["{}", {}, 0],
    ["null", null, 0],
    ["an empty list", { batchItemFailures: [] }, 0],
    ["a null list", { batchItemFailures: null }, 0],
    ["no list", { batchItemFailures: "a" }, 2],
    ["an empty identifier", { batchItemFailures: [{ itemIdentifier: "" }] }, 2],
    ["a null identifier", { batchItemFailures: [{ itemIdentifier: null }] }, 2],
    ["another name for it", { batchItemFailures: [{ messageId: "m" }] }, 2],
    ["an identifier that is not in the batch", { batchItemFailures: [{ itemIdentifier: "none" }] }, 2],
  ])("with partial responses, after %s, keeps what the documentation says", async (_, body, kept) => {
    const { mapping, left } = await mapped(() => answered(body));
    expect((await mapping.pollOnce())?.kept).toHaveLength(kept);
    expect(left()).toBe(kept);
  });

  it("keeps what is reported, and all of a batch whose answer is no JSON", async () => {
    const partly = await mapped(({ Records: [first] }) =>
      answered({ batchItemFailures: [{ itemIdentifier: first?.messageId }] }),
    );
    expect((await partly.mapping.pollOnce())?.kept).toEqual([partly.events[0]?.Records[0]?.messageId]);
    const unreadable = await mapped(() => ({ status: "answered", body: "<html>" }));
    expect((await unreadable.mapping.pollOnce())?.kept).toHaveLength(2);
  });

  it("without partial responses takes any answer for success, and any error for failure of the batch", async () => {
    const ignored = await mapped(() => answered({ batchItemFailures: [{ itemIdentifier: "x" }] }), {
      reportBatchItemFailures: false,
    });
    expect((await ignored.mapping.pollOnce())?.kept).toEqual([]);
    for (const status of ["timed_out", "crashed", "throttled"] as const) {
      const failing = await mapped(() => ({ status }), { reportBatchItemFailures: false });
      expect((await failing.mapping.pollOnce())?.kept).toHaveLength(2);
    }
  });

  it("counts a receive for a throttled batch", async () => {
    const { mapping, events } = await mapped(() => ({ status: "throttled" }), {
      bodies: ["a"],
      VisibilityTimeout: "0",
    });
    await mapping.pollOnce();
    await mapping.pollOnce();
    const counts = events.map(({ Records: [record] }) => record?.attributes);
    expect(counts).toMatchObject([{ ApproximateReceiveCount: "1" }, { ApproximateReceiveCount: "2" }]);
  });

  it("hands several of a FIFO group over in one batch, in order, with their group", async () => {
    const { mapping, events } = await mapped(() => answered({}), {
      name: "jobs.fifo",
      bodies: ["1", "2", "3"],
    });
    await mapping.pollOnce();
    expect(events[0]?.Records.map(({ body }) => body)).toEqual(["1", "2", "3"]);
    expect(events[0]?.Records[0]?.attributes).toMatchObject({ MessageGroupId: "g" });
  });
});
