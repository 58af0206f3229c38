import { SuiteCalls } from "../suite-calls.js";
import type { SuiteRunner, SuiteSkip } from "../suite-runner.js";
import { advanceBehaviour } from "./calls/advance.js";
import { advancePlanBehaviour } from "./calls/advance-plan.js";
import { beatBehaviour } from "./calls/beat.js";
import { claimByMessageBehaviour } from "./calls/claim-by-message.js";
import { claimNextBehaviour } from "./calls/claim-next.js";
import { contentionBehaviour } from "./hostile/contention.js";
import { createBehaviour } from "./calls/create.js";
import { hostileIdsBehaviour } from "./hostile/hostile-ids.js";
import { hostileTextBehaviour } from "./hostile/hostile-text.js";
import { leaseBehaviour } from "./lease.js";
import { lifetimeBehaviour } from "./lifetime.js";
import { listBehaviour } from "./calls/list.js";
import { operationsBehaviour } from "./calls/operations.js";
import { payloadBehaviour } from "./calls/payload.js";
import { purgeBehaviour } from "./calls/purge.js";
import { readBehaviour } from "./calls/read.js";
import { referenceBehaviour } from "./calls/reference.js";
import { anotherHandleBehaviour } from "./covering/another-handle.js";
import { batchesBehaviour } from "./covering/batches.js";
import { contentsBehaviour } from "./covering/contents.js";
import { leftAloneBehaviour } from "./covering/left-alone.js";
import { longNamesBehaviour } from "./covering/long-names.js";
import { outcomesBehaviour } from "./covering/outcomes.js";
import { pastItsTimeBehaviour } from "./covering/past-its-time.js";
import { skewedCallerBehaviour } from "./covering/skewed-caller.js";
import { atOnceBehaviour } from "./model/at-once.js";
import { messagesAtOnceBehaviour } from "./model/messages-at-once.js";
import { underWayBehaviour } from "./model/under-way.js";
import { rowsOfCallsBehaviour } from "./model/rows-of-calls.js";
import type { StoreBehaviour } from "./store-behaviour.js";
import { type StoreFixture, StoreProbe } from "./store-probe.js";
import { takeDueBehaviour } from "./calls/take-due.js";
import { tellingBehaviour } from "./telling.js";
import { unknownOutcomeBehaviour } from "./hostile/unknown-outcome.js";
import { unreadableBehaviour } from "./hostile/unreadable.js";
import { writeEffectBehaviour } from "./writes/write-effect.js";
import { writeGuardBehaviour } from "./writes/write-guard.js";
import { writeThenClaimBehaviour } from "./writes/write-then-claim.js";

export type { StoreFixture } from "./store-probe.js";

/** Makes places to store jobs in. */
export interface StoreSuiteFactory {
  /** A new, empty place for one test; tests may run side by side. */
  create(): Promise<StoreFixture>;
  /** Tests that the store cannot pass, each as `group > title`; the reason is printed with the title. */
  readonly skip?: readonly SuiteSkip[] | undefined;
}

const BEHAVIOURS: readonly StoreBehaviour[] = [
  createBehaviour,
  readBehaviour,
  writeGuardBehaviour,
  writeEffectBehaviour,
  payloadBehaviour,
  beatBehaviour,
  claimByMessageBehaviour,
  claimNextBehaviour,
  writeThenClaimBehaviour,
  leaseBehaviour,
  contentionBehaviour,
  takeDueBehaviour,
  unreadableBehaviour,
  advanceBehaviour,
  advancePlanBehaviour,
  listBehaviour,
  referenceBehaviour,
  operationsBehaviour,
  purgeBehaviour,
  hostileIdsBehaviour,
  hostileTextBehaviour,
  unknownOutcomeBehaviour,
  tellingBehaviour,
  lifetimeBehaviour,
  contentsBehaviour,
  leftAloneBehaviour,
  batchesBehaviour,
  longNamesBehaviour,
  pastItsTimeBehaviour,
  anotherHandleBehaviour,
  skewedCallerBehaviour,
  outcomesBehaviour,
  rowsOfCallsBehaviour,
  atOnceBehaviour,
  messagesAtOnceBehaviour,
  underWayBehaviour,
];

/** What of a fixture gives another handle on its place. */
const OTHER_HANDLES = ["second", "reopen", "crash", "unmigrated"];

/** Real databases on a loaded machine, and leases that truly run out. */
const TIMEOUT_MS = 60_000;

/**
 * Registers the conformance suite of the store port: the contract of `Store` in executable form. A store that passes can
 * be composed with every other part.
 *
 * @example
 * storeSuite({ describe, it }, {
 *   async create() {
 *     const store = memoryStore();
 *     return { store, close: () => store.close() };
 *   },
 * });
 */
export function storeSuite(runner: SuiteRunner, factory: StoreSuiteFactory): void {
  const skips = new Map((factory.skip ?? []).map(({ test, reason }) => [test, reason]));
  const unknown = new Set(skips.keys());
  for (const behaviour of BEHAVIOURS) {
    runner.describe(behaviour.group, () => {
      for (const title of Object.keys(behaviour.tests)) {
        const reason = skips.get(`${behaviour.group} > ${title}`);
        unknown.delete(`${behaviour.group} > ${title}`);
        if (reason === undefined) runner.it(title, () => runOne(factory, behaviour, title), TIMEOUT_MS);
        else runner.it(`${title} (skipped: ${reason})`, () => undefined);
      }
    });
  }
  runner.it("skips only tests of this suite", () => {
    if (unknown.size > 0) throw new Error(`No such test: ${[...unknown].join(", ")}`);
  });
}

async function runOne(
  factory: StoreSuiteFactory,
  { group, applies, tests }: StoreBehaviour,
  title: string,
): Promise<void> {
  const fixture = await factory.create();
  const calls = new SuiteCalls();
  try {
    if (applies !== undefined && fixture.store.capabilities[applies] === false) {
      console.info(`not applicable: the store declares ${applies}: false`);
    } else {
      await tests[title]?.(new StoreProbe(calls.fixture(fixture, ["store"], OTHER_HANDLES)));
    }
  } catch (error) {
    throw calls.explain(`A store does not keep "${group} > ${title}".`, error);
  } finally {
    await fixture.close();
  }
}
