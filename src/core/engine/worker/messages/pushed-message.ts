import type { Delivery } from "../../../ports/queue.js";

/** A message that a platform hands over by itself (Lambda, Pub/Sub push, Cloud Tasks): nobody received it here. */
export interface PushedMessage {
  readonly body: string;
  /** How often it has been handed over, this time included. */
  readonly receives: number;
  /** When it was first sent; `null`: the platform does not say. */
  readonly sentAt: Date | null;
  /** Messages of one group are dealt with one after the other. */
  readonly groupId?: string | null | undefined;
  /** Keeps it hidden for this long from now, where the platform can. */
  extend?(ms: number): Promise<void>;
}

/**
 * What is to become of a pushed message.
 * - `acknowledged`: it may go, by durable proof that nothing is left to do for it.
 * - `released`: it must come again, `afterMs` at the earliest where the platform can wait.
 * - `left`: there was no time to find out; it must come again.
 */
export type PushAnswer =
  | { readonly status: "acknowledged" }
  | { readonly status: "released"; readonly afterMs: number; readonly reason: string }
  | { readonly status: "left"; readonly reason: string };

/**
 * Not everybody who hands messages on has types to be held by: what a platform's framework has parsed, or named otherwise,
 * would be taken for a message that nobody can read.
 */
export function isMessages(given: unknown): boolean {
  return Array.isArray(given) && given.every(isMessage);
}

function isMessage(given: Partial<PushedMessage> | null): boolean {
  const { body, receives, sentAt } = given ?? {};
  return (
    typeof body === "string" &&
    typeof receives === "number" &&
    (sentAt === undefined || sentAt === null || typeof sentAt.getTime === "function")
  );
}

/** A pushed message in the form of a received one: what is done with it becomes its answer. */
export class PushedDelivery implements Delivery {
  readonly body: string;
  readonly receives: number;
  readonly sentAt: number | null;
  readonly groupId: string | null;
  readonly #message: PushedMessage;
  #answer: "acknowledged" | number | null = null;

  constructor(message: PushedMessage) {
    this.#message = message;
    this.body = message.body;
    // An event that was made by hand, or by an emulator, may lack both: then neither is known.
    this.receives = message.receives >= 1 ? message.receives : 1;
    const sentAt = message.sentAt?.getTime() ?? Number.NaN;
    this.sentAt = Number.isNaN(sentAt) ? null : sentAt;
    this.groupId = message.groupId ?? null;
  }

  /** @param reason - why it was given back, where it was */
  answer(reason: string | null): PushAnswer {
    if (this.#answer === "acknowledged") return { status: "acknowledged" };
    if (this.#answer === null) return { status: "left", reason: "there was no time left for it" };
    return { status: "released", afterMs: this.#answer, reason: reason ?? "it was given back" };
  }

  async ack(): Promise<void> {
    this.#answer = "acknowledged";
  }

  async release(afterMs: number): Promise<void> {
    this.#answer = afterMs;
  }

  async extend(ms: number): Promise<void> {
    await this.#message.extend?.(ms);
  }
}
