import type { StoreBehaviour } from "../../src/testing/store-suite/store-behaviour.js";
import { type StoreFixture, StoreProbe } from "../../src/testing/store-suite/store-probe.js";
import { storeSuite } from "../../src/testing/store-suite/store-suite.js";
import { nextBehaviour } from "./next-behaviours.js";
import { pageBehaviour } from "./page-behaviours.js";
import { statusBehaviour } from "./status-behaviours.js";

export interface SuiteTest {
  readonly title: string;
  readonly run: () => Promise<void> | void;
}

export type CreateFixture = () => Promise<StoreFixture>;

/** The tests of the store suite, to be run by whoever likes. */
export function suiteTests(create: CreateFixture): readonly SuiteTest[] {
  const tests: SuiteTest[] = [];
  let group = "";
  storeSuite(
    {
      describe: (name, register) => {
        group = name;
        register();
      },
      it: (title, run) => tests.push({ title: `${group} > ${title}`, run }),
    },
    { create },
  );
  return tests;
}

const OWN: readonly StoreBehaviour[] = [pageBehaviour, statusBehaviour, nextBehaviour];

/** The tests of what the library's stores do, and the store suite does not ask for. */
export function ownTests(create: CreateFixture): readonly SuiteTest[] {
  return OWN.flatMap((behaviour) => testsOf(behaviour, create));
}

/** The tests of one behaviour. */
export function testsOf({ group, tests }: StoreBehaviour, create: CreateFixture): readonly SuiteTest[] {
  return Object.entries(tests).map(([title, run]) => ({
    title: `${group} > ${title}`,
    run: async () => {
      const fixture = await create();
      try {
        await run(new StoreProbe(fixture));
      } finally {
        await fixture.close();
      }
    },
  }));
}
