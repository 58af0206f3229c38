import type { SuiteRunner } from "../../src/testing/suite-runner.js";

/** A test of a suite, to be run by whoever likes. */
export interface SuiteTest {
  readonly group: string;
  readonly title: string;
  readonly run: () => Promise<void> | void;
}

/** The tests that a suite registers. */
export function testsOf(register: (runner: SuiteRunner) => void): readonly SuiteTest[] {
  const tests: SuiteTest[] = [];
  const groups: string[] = [];
  register({
    describe(name, body) {
      groups.push(name);
      body();
      groups.pop();
    },
    it(title, run) {
      tests.push({ group: groups[groups.length - 1] ?? "", title, run });
    },
  });
  return tests;
}

/** No test of a suite takes so long on parts in memory: what does hangs. */
const MOST_MS = 20_000;

/** Which test a part fails first; `null`: it passes all. */
export async function firstFailure(
  tests: readonly SuiteTest[],
): Promise<{ readonly title: string; readonly error: unknown } | null> {
  for (const { group, title, run } of tests) {
    try {
      await within(run);
    } catch (error) {
      return { title: `${group} > ${title}`, error };
    }
  }
  return null;
}

async function within(run: SuiteTest["run"]): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new Error("the test does not end"));
    }, MOST_MS);
  });
  try {
    await Promise.race([run(), late]);
  } finally {
    clearTimeout(timer);
  }
}
