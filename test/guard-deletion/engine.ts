import type { Deletion, Mutator } from "./mutator.js";
import type { SuiteTest } from "./suite-tests.js";

/** A store whose statements can be changed on their way, and the tests that must notice it. */
export interface Engine {
  readonly mutator: Mutator;
  readonly tests: readonly SuiteTest[];
  /** After a test that failed: ends what of it may still go on. */
  abandon?(): Promise<void>;
  close(): Promise<void>;
}

/** What a test does when nothing is taken out. */
export interface TestFacts {
  readonly title: string;
  /** Of the guards in the statements that it sends. */
  readonly keys: readonly string[];
  readonly tookMs: number;
}

export interface GuardFacts {
  readonly key: string;
  readonly ways: number;
}

export interface Baseline {
  readonly guards: readonly GuardFacts[];
  readonly tests: readonly TestFacts[];
  /** Every statement that was sent. */
  readonly statements: readonly string[];
}

export interface Verdict {
  readonly key: string;
  /** The test that failed; `null`: all passed. */
  readonly caughtBy: string | null;
  /** How many tests were run. */
  readonly tests: number;
  readonly tookMs: number;
  /** Texts that the engine could not read: nothing was proved by them. */
  readonly unreadable: readonly string[];
}

/** A guard taken out may leave a test waiting for ever. */
const PATIENCE_MS = 30_000;

/** Runs every test on the store as it is. @throws Error when one fails */
export async function baselineOf({ mutator, tests }: Engine): Promise<Baseline> {
  const facts: TestFacts[] = [];
  for (const test of tests) {
    mutator.sent.clear();
    const began = performance.now();
    const failure = await failureOf(test);
    if (failure !== null) throw new Error(`with no guard taken out, "${test.title}" fails: ${failure}`);
    const guards = [...mutator.sent].flatMap((sql) => mutator.known.get(sql) ?? []);
    const keys = [...new Set(guards.map(({ key }) => key))];
    facts.push({ title: test.title, keys, tookMs: performance.now() - began });
  }
  const ways = new Map([...mutator.known.values()].flat().map((guard) => [guard.key, guard.ways.length]));
  return {
    guards: [...ways].map(([key, count]) => ({ key, ways: count })),
    tests: facts,
    statements: [...mutator.known.keys()],
  };
}

/** Takes one guard out and runs the tests that send it, the likeliest first, until one fails. */
export async function judge(
  engine: Engine,
  { tests }: Baseline,
  guard: GuardFacts,
  onTest: (title: string) => void = () => undefined,
): Promise<Verdict> {
  const began = performance.now();
  const runs = new Map(engine.tests.map((test) => [test.title, test]));
  const ordered = tests.filter(({ keys }) => keys.includes(guard.key)).sort((a, b) => costOf(a) - costOf(b));
  engine.mutator.unreadable.clear();
  let caughtBy: string | null = null;
  let count = 0;
  for (let way = 0; way < guard.ways && caughtBy === null; way += 1) {
    const deletion: Deletion = { key: guard.key, way };
    engine.mutator.deletion = deletion;
    for (const { title } of ordered) {
      const test = runs.get(title);
      if (test === undefined) continue;
      count += 1;
      onTest(title);
      if ((await failureOf(test)) === null) continue;
      await engine.abandon?.();
      caughtBy = title;
      break;
    }
    engine.mutator.deletion = null;
  }
  const unreadable = [...engine.mutator.unreadable];
  return { key: guard.key, caughtBy, tests: count, tookMs: performance.now() - began, unreadable };
}

/** A test that sends little says most about what it sends; one that waits can wait itself. */
function costOf({ keys, tookMs }: TestFacts): number {
  return keys.length + tookMs;
}

/** What a test says when it fails; `null`: it passes. */
async function failureOf({ run }: SuiteTest): Promise<string | null> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new Error("it did not end"));
    }, PATIENCE_MS);
  });
  try {
    await Promise.race([run(), late]);
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  } finally {
    clearTimeout(timer);
  }
}
