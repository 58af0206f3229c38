import { registerSuite, type SuiteRunner, type SuiteSkip } from "../suite-runner.js";
import { abortingBehaviour } from "./aborting.js";
import { declaringBehaviour } from "./declaring.js";
import { deliveringBehaviour } from "./delivering.js";
import { failingBehaviour } from "./failing.js";
import { lanesBehaviour } from "./lanes.js";
import { NotifierProbe, type NotifierFixture, type NotifierTest } from "./notifier-probe.js";
import { viewingBehaviour } from "./viewing.js";

export type { NotifierFixture, ReceiverAnswer } from "./notifier-probe.js";

/** Makes notifiers, each with a receiver. */
export interface NotifierSuiteFactory {
  /** A new notifier and a receiver that has taken nothing; tests may run side by side. */
  create(): Promise<NotifierFixture>;
  /** Tests that the notifier cannot pass, by `<group> > <title>`; the reason is printed with the title. */
  readonly skip?: readonly SuiteSkip[] | undefined;
}

const GROUPS: Readonly<Record<string, (test: NotifierTest) => void>> = {
  delivering: deliveringBehaviour,
  failing: failingBehaviour,
  lanes: lanesBehaviour,
  viewing: viewingBehaviour,
  aborting: abortingBehaviour,
  declaring: declaringBehaviour,
};

/** Registers the conformance suite of the notifier port: the contract of `Notifier` in executable form. */
export function notifierSuite(runner: SuiteRunner, factory: NotifierSuiteFactory): void {
  registerSuite(runner, {
    name: "notifier",
    parts: ["notifier"],
    groups: GROUPS,
    create: () => factory.create(),
    probe: (fixture) => new NotifierProbe(fixture),
    skip: factory.skip ?? [],
    timeoutMs: 30_000,
  });
}
