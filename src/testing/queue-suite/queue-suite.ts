import { registerSuite, type SuiteRunner, type SuiteSkip } from "../suite-runner.js";
import { abortingBehaviour } from "./receives/aborting.js";
import { backlogBehaviour } from "./backlog.js";
import { checkingBehaviour } from "./checking.js";
import { closingBehaviour } from "./closing.js";
import { deadLettersBehaviour } from "./dead-letters.js";
import { delayBehaviour } from "./delay.js";
import { hangingBehaviour } from "./hanging.js";
import { misuseBehaviour } from "./misuse.js";
import { orderBehaviour } from "./order.js";
import { outageBehaviour } from "./receives/outage.js";
import { QueueProbe, type QueueFixture, type QueueTest } from "./queue-probe.js";
import { receivingBehaviour } from "./receives/receiving.js";
import { sendingBehaviour } from "./sending.js";
import { sideBySideBehaviour } from "./side-by-side.js";
import { settlingBehaviour } from "./settling.js";
import { visibilityBehaviour } from "./receives/visibility.js";
import { waitingBehaviour } from "./receives/waiting.js";

export type { QueueFixture } from "./queue-probe.js";

/** Makes queues. */
export interface QueueSuiteFactory {
  /** A new, empty queue for one test; tests may run side by side. Choose a short visibility where time is real. */
  create(): Promise<QueueFixture>;
  /** Tests that the queue cannot pass, by `<group> > <title>`; the reason is printed with the title. */
  readonly skip?: readonly SuiteSkip[] | undefined;
}

const GROUPS: Readonly<Record<string, (test: QueueTest) => void>> = {
  sending: sendingBehaviour,
  receiving: receivingBehaviour,
  settling: settlingBehaviour,
  "side by side": sideBySideBehaviour,
  visibility: visibilityBehaviour,
  delay: delayBehaviour,
  waiting: waitingBehaviour,
  aborting: abortingBehaviour,
  "dead letters": deadLettersBehaviour,
  order: orderBehaviour,
  backlog: backlogBehaviour,
  checking: checkingBehaviour,
  hanging: hangingBehaviour,
  outage: outageBehaviour,
  misuse: misuseBehaviour,
  closing: closingBehaviour,
};

/**
 * Registers the conformance suite of the queue port: the contract of `Queue` in executable form.
 *
 * @example
 * queueSuite({ describe, it }, { create: async () => ({ queue: await myQueue(), visibilityMs: 2_000, close: async () => {} }) });
 */
export function queueSuite(runner: SuiteRunner, factory: QueueSuiteFactory): void {
  registerSuite(runner, {
    name: "queue",
    parts: ["queue"],
    groups: GROUPS,
    create: () => factory.create(),
    probe: (fixture) => new QueueProbe(fixture),
    skip: factory.skip ?? [],
    timeoutMs: 60_000,
  });
}
