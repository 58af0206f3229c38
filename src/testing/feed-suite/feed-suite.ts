import { registerSuite, type SuiteRunner, type SuiteSkip } from "../suite-runner.js";
import { closingBehaviour } from "./closing.js";
import { FeedProbe, type FeedFixture, type FeedTest } from "./feed-probe.js";
import { hintingBehaviour } from "./hinting.js";
import { losingTheLinkBehaviour } from "./losing-the-link.js";
import { ownersBehaviour } from "./owners.js";
import { subscribingBehaviour } from "./subscribing.js";
import { withinAListenerBehaviour } from "./within-a-listener.js";

export type { FeedFixture } from "./feed-probe.js";

/** Makes feeds, two ends each. */
export interface FeedSuiteFactory {
  /** A new feed that nobody else uses; tests may run side by side. */
  create(): Promise<FeedFixture>;
  /** Tests that the feed cannot pass, by `<group> > <title>`; the reason is printed with the title. */
  readonly skip?: readonly SuiteSkip[] | undefined;
}

const GROUPS: Readonly<Record<string, (test: FeedTest) => void>> = {
  hinting: hintingBehaviour,
  subscribing: subscribingBehaviour,
  owners: ownersBehaviour,
  "within a listener": withinAListenerBehaviour,
  "losing the link": losingTheLinkBehaviour,
  closing: closingBehaviour,
};

/** Registers the conformance suite of the feed port, on a link that works: what a feed may lose it may not lose here. */
export function feedSuite(runner: SuiteRunner, factory: FeedSuiteFactory): void {
  registerSuite(runner, {
    name: "feed",
    parts: ["publisher", "subscriber"],
    groups: GROUPS,
    create: () => factory.create(),
    probe: (fixture) => new FeedProbe(fixture),
    skip: factory.skip ?? [],
    timeoutMs: 30_000,
  });
}
