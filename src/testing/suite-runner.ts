import { SuiteCalls } from "./suite-calls.js";

/**
 * The part of a test runner that a conformance suite needs. Vitest, Jest, Mocha and node:test all fit with a few lines,
 * so the suites depend on none of them.
 */
export interface SuiteRunner {
  describe(name: string, fn: () => void): void;
  it(name: string, fn: () => Promise<void> | void, timeoutMs?: number): void;
}

/** A test that an adapter cannot pass, by `<group> > <title>`, and why. */
export interface SuiteSkip {
  readonly test: string;
  readonly reason: string;
}

/** A test on a fixture. `applies`: why the test says nothing about this fixture; `null`: it does. */
export type FixtureTest<Probe> = (
  title: string,
  body: (probe: Probe) => Promise<void>,
  applies?: (probe: Probe) => string | null,
) => void;

export interface FixtureSuite<Fixture extends { close(): Promise<void> }, Probe> {
  readonly name: string;
  /** The properties of a fixture that hold the parts under test. */
  readonly parts: readonly (keyof Fixture & string)[];
  /** Registers the tests of each group. */
  readonly groups: Readonly<Record<string, (test: FixtureTest<Probe>) => void>>;
  readonly create: () => Promise<Fixture>;
  readonly probe: (fixture: Fixture) => Probe;
  readonly skip: readonly SuiteSkip[];
  readonly timeoutMs: number;
}

/**
 * Registers a suite: each test gets a fixture of its own, which is closed whatever comes of the test. What is left out is
 * said: a skip in the title of its test, a capability that is lacking on the console. A skip that names no test fails.
 */
export function registerSuite<Fixture extends { close(): Promise<void> }, Probe>(
  runner: SuiteRunner,
  suite: FixtureSuite<Fixture, Probe>,
): void {
  const skips = new Map(suite.skip.map(({ test, reason }) => [test, reason]));
  runner.describe(suite.name, () => {
    for (const [group, register] of Object.entries(suite.groups)) {
      runner.describe(group, () => {
        register((title, body, applies) => {
          const reason = skips.get(`${group} > ${title}`);
          skips.delete(`${group} > ${title}`);
          if (reason === undefined)
            runner.it(title, () => runOne(suite, `${group} > ${title}`, body, applies), suite.timeoutMs);
          else runner.it(`${title} (skipped: ${reason})`, () => undefined);
        });
      });
    }
    runner.it("names only tests of this suite in its skips", () => {
      if (skips.size > 0) throw new Error(`No such test: ${[...skips.keys()].join(", ")}`);
    });
  });
}

async function runOne<Fixture extends { close(): Promise<void> }, Probe>(
  suite: FixtureSuite<Fixture, Probe>,
  test: string,
  body: (probe: Probe) => Promise<void>,
  applies: ((probe: Probe) => string | null) | undefined,
): Promise<void> {
  const fixture = await suite.create();
  const calls = new SuiteCalls();
  try {
    const probe = suite.probe(calls.fixture(fixture, suite.parts));
    const reason = applies?.(probe) ?? null;
    if (reason === null) await body(probe);
    else console.info(`not applicable: ${reason}`);
  } catch (error) {
    throw calls.explain(`A ${suite.name} does not keep "${test}".`, error);
  } finally {
    await fixture.close();
  }
}
