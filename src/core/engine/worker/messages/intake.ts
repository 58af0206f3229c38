import { sleep } from "../../../environment/clock.js";
import { WaybillError } from "../../../errors/errors.js";
import type { RuntimeHandler } from "../../../handler.js";
import { checkWhole, requireOptions } from "../../../options/options.js";
import type { Queue } from "../../../ports/queue.js";
import { type Core, DEFAULT_QUEUE } from "../../context.js";
import { judgeLetter } from "../../reconcile/dead-letters.js";
import type { Reconciler } from "../../reconcile/reconciler.js";
import type { Dispatcher } from "../../submit/dispatch.js";
import { handleDelivery } from "./delivery.js";
import { type GroupFate, inGroups, SKIPPED } from "./groups.js";
import { checkIntake, type IntakeOptions, type WorkerSettings } from "../options.js";
import { createWorkerParts, type WorkerParts } from "../parts.js";
import { isMessages, type PushAnswer, PushedDelivery, type PushedMessage } from "./pushed-message.js";
import { ReceivedMessage } from "./received-message.js";

/** What one call may use. */
export interface ProcessOptions {
  /** The name of the queue that the messages come from. @default the one that `source` tells, else the only one */
  readonly queue?: string | undefined;
  /** The address of that queue, or of its dead letters, such as an ARN, by which it is found. */
  readonly source?: string | undefined;
  /** How long the platform leaves this call to run, from now. */
  readonly remainingMs: number;
  /**
   * Kept for giving back what still runs: handlers are told to stop at twice this before the end, their jobs are given back
   * at this before the end. At most a quarter of `remainingMs` is kept. @default 3_000 // 3 s
   */
  readonly reserveMs?: number | undefined;
}

/** Takes messages that a platform pushes. It keeps nothing between calls, and calls may overlap. */
export interface RuntimeIntake {
  process(messages: readonly PushedMessage[], options: ProcessOptions): Promise<readonly PushAnswer[]>;
  processDeadLetters(
    messages: readonly PushedMessage[],
    options: ProcessOptions,
  ): Promise<readonly PushAnswer[]>;
}

const DEFAULT_RESERVE_MS = 3_000;
/** A call of three seconds still works for half of them: kept whole, the default reserve would let it begin nothing. */
const RESERVED_SHARE = 1 / 4;
const NO_TIME = "there was no time left for it";

/** @throws WaybillError `config.invalid` or `config.kind_unknown` */
export function createIntake(
  core: Core,
  dispatcher: Dispatcher,
  reconciler: Reconciler,
  handlers: readonly RuntimeHandler[],
  options: IntakeOptions = {},
): RuntimeIntake {
  const settings = checkIntake(core, handlers, options);
  const start = (messages: readonly PushedMessage[], given: ProcessOptions, origin: Origin): IntakeCall =>
    new IntakeCall({ core, dispatcher, reconciler }, settings, messages, given, origin);
  return {
    process: async (messages, given) => start(messages, given, OWN).process(),
    processDeadLetters: async (messages, given) => start(messages, given, DEAD_LETTERS).processDeadLetters(),
  };
}

interface Means {
  readonly core: Core;
  readonly dispatcher: Dispatcher;
  readonly reconciler: Reconciler;
}

/** One call of the platform, with the end that it sets. */
class IntakeCall {
  readonly #means: Means;
  readonly #parts: WorkerParts;
  readonly #stop: () => void;
  readonly #endsAt: number;
  readonly #reserveMs: number;
  readonly #queueName: string;
  readonly #queue: Queue;
  readonly #pushed: readonly { readonly delivery: PushedDelivery; readonly received: ReceivedMessage }[];

  constructor(
    means: Means,
    settings: WorkerSettings,
    messages: readonly PushedMessage[],
    given: ProcessOptions,
    origin: Origin,
  ) {
    requireOptions("process", given, ["queue", "source", "remainingMs", "reserveMs"]);
    if (!isMessages(messages)) {
      throw new WaybillError(
        "config.invalid",
        "process takes messages: body is text, receives a number, sentAt a Date or null.",
      );
    }
    const { remainingMs, reserveMs: asked = DEFAULT_RESERVE_MS } = given;
    // Left out, nothing would be run, and nothing said.
    const said: Partial<ProcessOptions> = given;
    checkWhole("remainingMs", said.remainingMs ?? null);
    checkWhole("reserveMs", asked);
    const reserveMs = Math.min(asked, Math.floor(remainingMs * RESERVED_SHARE));
    const { core } = means;
    this.#means = means;
    [this.#queueName, this.#queue] = queueFor(core, given, origin);
    this.#reserveMs = reserveMs;
    const { parts, stop } = createWorkerParts({
      ...means,
      settings,
      kickReconciler: () => undefined,
      // What a platform ends with the call must not hold its jobs for longer than the call could have run.
      leaseCapMs: () => Math.max(reserveMs, 1_000, Math.floor(this.#leftMs())),
    });
    this.#parts = parts;
    this.#stop = stop;
    this.#endsAt = parts.now() + remainingMs;
    this.#pushed = messages.map((message) => {
      const delivery = new PushedDelivery(message);
      return { delivery, received: new ReceivedMessage(core, this.#queueName, this.#queue, delivery) };
    });
  }

  process(): Promise<readonly PushAnswer[]> {
    const places = this.#pushed.map((each) => ({ ...each, groupId: each.delivery.groupId }));
    return this.#withinTime(() =>
      Promise.all(
        inGroups(places, {
          handle: ({ received }) => this.#run(received),
          skip: ({ received }) => received.release(0, SKIPPED),
        }),
      ),
    );
  }

  processDeadLetters(): Promise<readonly PushAnswer[]> {
    const { core, dispatcher } = this.#means;
    return this.#withinTime(() =>
      Promise.all(
        this.#pushed.map(async ({ received }) => {
          // One that could not be judged was given back, which is its answer.
          await judgeLetter(core, dispatcher, received).catch(() => undefined);
        }),
      ),
    );
  }

  /** Does the work, and answers before the end, whatever hangs. */
  async #withinTime(work: () => Promise<unknown>): Promise<readonly PushAnswer[]> {
    const { core, leaving, tasks } = this.#parts;
    const reserveMs = this.#reserveMs;
    const timers = [
      core.clock.timer(Math.max(0, this.#leftMs() - 2 * reserveMs), this.#stop, true),
      core.clock.timer(
        Math.max(0, this.#leftMs() - reserveMs),
        () => {
          leaving.fire();
        },
        true,
      ),
    ];
    const ended = new AbortController();
    const done = work()
      .then(() => tasks.idle())
      .finally(() => {
        ended.abort();
      });
    // A third of the reserve is left to the platform's own way back.
    await Promise.race([done, sleep(core.clock, this.#leftMs() - reserveMs / 3, ended.signal, true)]);
    for (const cancel of timers) cancel();
    // Whoever still works for this call has lost the time for it.
    this.#stop();
    leaving.fire();
    return this.#pushed.map(({ delivery, received }) => delivery.answer(received.reason));
  }

  async #run(received: ReceivedMessage): Promise<GroupFate> {
    const { slots, stopping } = this.#parts;
    const room = await slots.reserve(1, stopping);
    if (room === 0) {
      await received.release(0, NO_TIME);
      return "kept";
    }
    try {
      return await handleDelivery(this.#parts, received);
    } finally {
      slots.give(room);
    }
  }

  #leftMs(): number {
    return Math.max(0, this.#endsAt - this.#parts.now());
  }
}

/** How the queue of messages is found by the address that they come from. */
interface Origin {
  isOf(queue: Queue, source: string): boolean;
  refusal(source: string): string;
}

const OWN: Origin = {
  isOf: (queue, source) => queue.isFrom?.(source) === true,
  refusal: (source) => `No queue of this Waybill is ${source}: name it in queue.`,
};

const DEAD_LETTERS: Origin = {
  isOf: (queue, source) => queue.deadLetters?.isFrom?.(source) === true,
  refusal: (source) =>
    `No queue of this Waybill has its dead letters in ${source}: tell the queue where they are, or name it in queue.`,
};

function queueFor(core: Core, { queue, source }: ProcessOptions, origin: Origin): readonly [string, Queue] {
  const named = queue ?? (source === undefined ? undefined : nameBySource(core, source, origin));
  const [only] = core.queues.size === 1 ? core.queues.keys() : [];
  const name = named ?? only ?? DEFAULT_QUEUE;
  const found = core.queues.get(name);
  if (found !== undefined) return [name, found];
  throw new WaybillError(
    "config.invalid",
    `No queue of this Waybill is named ${name}: queue must be one of ${[...core.queues.keys()].join(", ") || "its queues, and it has none"}.`,
  );
}

function nameBySource(core: Core, source: string, origin: Origin): string {
  for (const [name, queue] of core.queues) if (origin.isOf(queue, source)) return name;
  throw new WaybillError("config.invalid", origin.refusal(source));
}
