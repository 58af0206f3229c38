import { createHash, randomUUID } from "node:crypto";
import type { Clock } from "../../../src/core/environment/clock.js";
import { Attributes, type QueueAttributeTexts } from "./attributes.js";
import { invalidValue, SqsError } from "./errors.js";
import { isInFlight, visibleOf, type StoredMessage } from "./messages.js";
import { handleOf, receiptOf } from "./receipts.js";
import { checkBody, checkId, delayOf, text, wholeNumber, LONGEST_VISIBILITY_S, type Input } from "./rules.js";

/** "Exactly-once processing": a repeated deduplication id is accepted and not delivered for 5 minutes, delete or not. */
const DEDUPLICATION_MS = 5 * 60_000;

interface Surroundings {
  readonly clock: Clock;
  /** Another queue of the same account, by name. */
  readonly neighbour: (name: string) => QueueState | undefined;
}

/** One queue, and the rules of its kind. */
export class QueueState {
  readonly name: string;
  readonly attributes: Attributes;
  readonly #around: Surroundings;
  readonly #messages = new Map<string, StoredMessage>();
  readonly #recent = new Map<string, { readonly at: number; readonly answer: Record<string, unknown> }>();
  readonly #waiting = new Set<() => void>();
  #sequence = 0;
  #purgedAt = -Infinity;

  constructor(name: string, attributes: QueueAttributeTexts, around: Surroundings) {
    this.name = name;
    this.attributes = new Attributes(name, attributes);
    this.#around = around;
  }

  send(input: Input): Record<string, unknown> {
    const { fifo } = this.attributes;
    const body = text(input, "MessageBody");
    checkBody(body, this.attributes.number("MaximumMessageSize"));
    const now = this.#now();
    const delayMs = delayOf(input, fifo, this.attributes.number("DelaySeconds"));
    const groupId = fifo ? this.#groupOf(input) : null;
    const dedupId = fifo ? this.#dedupOf(input, body) : null;
    const known = dedupId === null ? null : this.#repeated(dedupId, groupId);
    if (known !== null) return known;
    const sequence = fifo ? String(++this.#sequence).padStart(20, "0") : null;
    const id = randomUUID();
    const answer = {
      MessageId: id,
      MD5OfMessageBody: createHash("md5").update(body).digest("hex"),
      ...(sequence === null ? {} : { SequenceNumber: sequence }),
    };
    if (dedupId !== null) this.#recent.set(this.#dedupKey(dedupId, groupId), { at: now, answer });
    this.put({
      ...{ id, body, groupId, dedupId, sequence, sentAt: now, enqueuedAt: now, visibleAt: now + delayMs },
      ...{ receives: 0, firstReceivedAt: null, receive: null },
    });
    return answer;
  }

  put(message: StoredMessage): void {
    this.#messages.set(message.id, message);
    this.wake();
  }

  /** Waits until there is a message, or the time is over. The client may be gone meanwhile: its message is received all the same. */
  async receive(input: Input): Promise<Record<string, unknown>> {
    const max = wholeNumber(input, "MaxNumberOfMessages", 1, 10, 1);
    const wait = this.attributes.number("ReceiveMessageWaitTimeSeconds");
    const waitMs = wholeNumber(input, "WaitTimeSeconds", 0, 20, wait) * 1_000;
    const visibility = this.attributes.number("VisibilityTimeout");
    const visibilityMs = wholeNumber(input, "VisibilityTimeout", 0, LONGEST_VISIBILITY_S, visibility) * 1_000;
    const deadline = this.#now() + waitMs;
    for (;;) {
      const now = this.#now();
      const taken = this.#take(now, max, visibilityMs);
      if (taken.length > 0) return { Messages: taken };
      // "ReceiveMessage": no message is no list, not an empty one.
      if (now >= deadline) return {};
      await this.#change(Math.min(deadline, this.#nextChangeAt(now)));
    }
  }

  delete(input: Input): void {
    const receipt = receiptOf(text(input, "ReceiptHandle"), this.name);
    const message = this.#messages.get(receipt.messageId);
    // "DeleteMessage": what is deleted already is deleted again without an error.
    if (message === undefined) return;
    const isNewest = message.receive?.number === receipt.receive;
    if (this.attributes.fifo && !(isNewest && message.visibleAt > this.#now())) throw expired();
    // "DeleteMessage": by any but the newest receipt the request succeeds, and the message may stay.
    if (!isNewest) return;
    this.#messages.delete(message.id);
    this.wake();
  }

  changeVisibility(input: Input): void {
    const receipt = receiptOf(text(input, "ReceiptHandle"), this.name);
    const seconds = wholeNumber(input, "VisibilityTimeout", 0, LONGEST_VISIBILITY_S, Number.NaN);
    if (Number.isNaN(seconds))
      throw new SqsError("MissingParameter", "The request must contain the parameter VisibilityTimeout.");
    const message = this.#messages.get(receipt.messageId);
    const now = this.#now();
    if (message === undefined) {
      throw invalidValue("Message does not exist or is not available for visibility timeout change.");
    }
    const isNewest = message.receive?.number === receipt.receive;
    if (this.attributes.fifo && !(isNewest && message.visibleAt > now)) throw expired();
    // "ChangeMessageVisibility", Errors: MessageNotInflight. An older receipt of a message that is in flight: AWS says nothing,
    // and here it has its way, which is the worst that can be.
    if (!isInFlight(message, now)) {
      throw new SqsError("MessageNotInflight", "The specified message isn't in flight.");
    }
    // "Amazon SQS visibility timeout": 12 hours from the receive on, which no change extends.
    const receivedAt = message.receive?.at ?? now;
    if (now + seconds * 1_000 > receivedAt + LONGEST_VISIBILITY_S * 1_000) {
      throw invalidValue(
        `Value ${seconds} for parameter VisibilityTimeout is invalid. Reason: Total VisibilityTimeout for the message is beyond the limit [${LONGEST_VISIBILITY_S} seconds].`,
      );
    }
    message.visibleAt = now + seconds * 1_000;
    this.wake();
  }

  purge(): void {
    // "PurgeQueue", Errors: one within 60 seconds is refused.
    if (this.#now() < this.#purgedAt + 60_000) {
      throw new SqsError(
        "PurgeQueueInProgress",
        "Only one PurgeQueue operation is allowed every 60 seconds.",
        403,
      );
    }
    this.#purgedAt = this.#now();
    this.#messages.clear();
  }

  counts(): { readonly visible: number; readonly inFlight: number; readonly delayed: number } {
    const now = this.#now();
    this.#look(now);
    const all = [...this.#messages.values()];
    const inFlight = all.filter((message) => isInFlight(message, now)).length;
    const visible = all.filter(({ visibleAt }) => visibleAt <= now).length;
    return { visible, inFlight, delayed: all.length - visible - inFlight };
  }

  /** "StartMessageMoveTask": messages go back as new ones, with a new id, a new age and no receives. */
  moveTo(destination: (message: StoredMessage) => QueueState): number {
    const now = this.#now();
    const moving = [...this.#messages.values()].filter(({ visibleAt }) => visibleAt <= now);
    for (const message of moving) {
      this.#messages.delete(message.id);
      const fresh = { id: randomUUID(), sentAt: now, enqueuedAt: now, visibleAt: now, receives: 0 };
      destination(message).put({ ...message, ...fresh, firstReceivedAt: null, receive: null });
    }
    return moving.length;
  }

  /** Makes the receipts of every message in flight stale, as if each had been received again by somebody else. */
  makeReceiptsStale(): void {
    for (const message of this.#messages.values()) {
      if (message.receive === null) continue;
      message.receives += 1;
      message.receive = { number: message.receive.number + 1, at: this.#now() };
    }
  }

  /** Lets everybody who waits look again. */
  wake(): void {
    for (const look of [...this.#waiting]) look();
  }

  #take(now: number, max: number, visibilityMs: number): Record<string, unknown>[] {
    this.#look(now);
    const { fifo } = this.attributes;
    return visibleOf(this.#messages.values(), { now, max, fifo }).map((message) => {
      message.receives += 1;
      message.firstReceivedAt ??= now;
      message.receive = { number: (message.receive?.number ?? 0) + 1, at: now };
      message.visibleAt = now + visibilityMs;
      return {
        MessageId: message.id,
        ReceiptHandle: handleOf({
          queue: this.name,
          messageId: message.id,
          receive: message.receive.number,
        }),
        Body: message.body,
        MD5OfBody: createHash("md5").update(message.body).digest("hex"),
        Attributes: {
          ApproximateReceiveCount: String(message.receives),
          ApproximateFirstReceiveTimestamp: String(message.firstReceivedAt),
          SentTimestamp: String(message.sentAt),
          ...(message.groupId === null ? {} : { MessageGroupId: message.groupId }),
          ...(message.dedupId === null ? {} : { MessageDeduplicationId: message.dedupId }),
          ...(message.sequence === null ? {} : { SequenceNumber: message.sequence }),
        },
      };
    });
  }

  /** What has come of the messages since somebody looked: too old, or received too often. */
  #look(now: number): void {
    const retentionMs = this.attributes.number("MessageRetentionPeriod") * 1_000;
    const { redrive, fifo } = this.attributes;
    for (const message of this.#messages.values()) {
      // "Message quotas", retention: removed when it is over, received or not.
      if (now >= message.enqueuedAt + retentionMs) this.#messages.delete(message.id);
      // "Using dead-letter queues": received as often as the redrive policy allows and not deleted, it is moved.
      else if (redrive !== null && message.receives >= redrive.maxReceiveCount && message.visibleAt <= now) {
        this.#messages.delete(message.id);
        // "Setting up dead-letter queue retention": a standard message keeps its age, that of a FIFO message begins anew.
        const enqueuedAt = fifo ? now : message.enqueuedAt;
        this.#around.neighbour(redrive.target)?.put({ ...message, enqueuedAt, receive: null });
      }
    }
  }

  #nextChangeAt(now: number): number {
    let next = Infinity;
    for (const { visibleAt } of this.#messages.values())
      if (visibleAt > now) next = Math.min(next, visibleAt);
    return next;
  }

  #change(atLatest: number): Promise<void> {
    const { clock } = this.#around;
    return new Promise((resolve) => {
      const look = (): void => {
        cancel();
        this.#waiting.delete(look);
        resolve();
      };
      const cancel = clock.timer(atLatest - clock.now(), look);
      this.#waiting.add(look);
    });
  }

  /** "SendMessage", MessageGroupId: required for a FIFO queue. */
  #groupOf(input: Input): string {
    const groupId = text(input, "MessageGroupId");
    checkId(input, "MessageGroupId");
    return groupId;
  }

  /** "SendMessage", MessageDeduplicationId: given, or made of the contents where the queue does that. */
  #dedupOf(input: Input, body: string): string {
    if (input["MessageDeduplicationId"] === undefined) {
      if (this.attributes.contentBasedDeduplication) return createHash("sha256").update(body).digest("hex");
      throw invalidValue(
        "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly",
      );
    }
    checkId(input, "MessageDeduplicationId");
    return text(input, "MessageDeduplicationId");
  }

  #repeated(dedupId: string, groupId: string | null): Record<string, unknown> | null {
    const now = this.#now();
    for (const [key, { at }] of this.#recent) if (at + DEDUPLICATION_MS <= now) this.#recent.delete(key);
    return this.#recent.get(this.#dedupKey(dedupId, groupId))?.answer ?? null;
  }

  #dedupKey(dedupId: string, groupId: string | null): string {
    return JSON.stringify(this.attributes.deduplicatesByGroup ? [dedupId, groupId] : [dedupId]);
  }

  #now(): number {
    return this.#around.clock.now();
  }
}

/** "DeleteMessage" and "ChangeMessageVisibility" on a FIFO queue, after the visibility has ended. */
function expired(): SqsError {
  return invalidValue(
    "Value for parameter ReceiptHandle is invalid. Reason: The receipt handle has expired.",
  );
}
