import { feedSuite } from "../../src/testing/feed-suite/feed-suite.js";
import { notifierSuite } from "../../src/testing/notifier-suite/notifier-suite.js";
import { queueSuite } from "../../src/testing/queue-suite/queue-suite.js";
import { storeSuite } from "../../src/testing/store-suite/store-suite.js";
import { ANSWER_BUGS } from "./push/answer-bugs.js";
import { CONTENT_BUGS } from "./push/content-bugs.js";
import { FEED_END_BUGS } from "./push/feed-end-bugs.js";
import { FEED_BUGS, type FeedBug, feedFixtureOf } from "./push/feed-bugs.js";
import { LINK_BUGS } from "./push/link-bugs.js";
import { NOTIFIER_BUGS, type NotifierBug, notifierFixtureOf } from "./push/notifier-bugs.js";
import { GROUP_BUGS } from "./queue/group-bugs.js";
import { OUTAGE_BUGS } from "./queue/outage-bugs.js";
import { RECEIVING_BUGS } from "./queue/receiving-bugs.js";
import { SENDING_BUGS } from "./queue/sending-bugs.js";
import { SETTLING_BUGS } from "./queue/settling-bugs.js";
import { UPKEEP_BUGS } from "./queue/upkeep-bugs.js";
import { QUEUE_BUGS, type QueueBug, queueFixtureOf } from "./queue/queue-bugs.js";
import { BESIDE_BUGS } from "./store/beside.js";
import { COLUMN_BUGS } from "./store/columns.js";
import { FINDING_BUGS } from "./store/finding.js";
import { LOOKING_BUGS } from "./store/looking.js";
import { COVERING_BUGS } from "./store/covering.js";
import { fixtureOf } from "./store/run-bug.js";
import type { StoreBug } from "./store/store-bug.js";
import { RACING_BUGS } from "./store/racing.js";
import { REPLICA_BUGS } from "./store/replicas.js";
import { TAKING_BUGS } from "./store/taking.js";
import { UNREADABLE_BUGS } from "./store/unreadable.js";
import { WRITING_BUGS } from "./store/writing.js";
import { firstFailure, type SuiteTest, testsOf } from "./suite-tests.js";

export type SuiteName = "store" | "queue" | "ordered queue" | "notifier" | "feed";

/** One bug, and the suite that is to catch it. */
export interface SeededBug {
  readonly suite: SuiteName;
  readonly name: string;
  readonly breaks: string;
  readonly caughtBy: string;
  /** The tests of the suite on the part with the bug. */
  readonly tests: () => readonly SuiteTest[];
}

const STORE_BUGS: readonly StoreBug[] = [
  ...WRITING_BUGS,
  ...TAKING_BUGS,
  ...LOOKING_BUGS,
  ...RACING_BUGS,
  ...COVERING_BUGS,
  ...COLUMN_BUGS,
  ...BESIDE_BUGS,
  ...FINDING_BUGS,
  ...UNREADABLE_BUGS,
  ...REPLICA_BUGS,
];

const ALL_QUEUE_BUGS: readonly QueueBug[] = [
  ...QUEUE_BUGS,
  ...SENDING_BUGS,
  ...RECEIVING_BUGS,
  ...SETTLING_BUGS,
  ...UPKEEP_BUGS,
  ...GROUP_BUGS,
  ...OUTAGE_BUGS,
];

function storeTests(bug: StoreBug | null): readonly SuiteTest[] {
  return testsOf((runner) => {
    storeSuite(runner, { create: () => fixtureOf(bug) });
  });
}

function queueTests(bug: QueueBug | null, ordered = false): readonly SuiteTest[] {
  return testsOf((runner) => {
    queueSuite(runner, { create: () => queueFixtureOf(bug, { ordered }) });
  });
}

function notifierTests(bug: NotifierBug | null): readonly SuiteTest[] {
  return testsOf((runner) => {
    notifierSuite(runner, { create: () => notifierFixtureOf(bug) });
  });
}

function feedTests(bug: FeedBug | null): readonly SuiteTest[] {
  return testsOf((runner) => {
    feedSuite(runner, { create: () => feedFixtureOf(bug) });
  });
}

export const SEEDED_BUGS: readonly SeededBug[] = [
  ...STORE_BUGS.map((bug) => ({ ...bug, suite: "store" as const, tests: () => storeTests(bug) })),
  ...ALL_QUEUE_BUGS.map((bug) => ({ ...bug, suite: "queue" as const, tests: () => queueTests(bug) })),
  ...[...NOTIFIER_BUGS, ...ANSWER_BUGS, ...CONTENT_BUGS].map((bug) => ({
    ...bug,
    suite: "notifier" as const,
    tests: () => notifierTests(bug),
  })),
  ...[...FEED_BUGS, ...FEED_END_BUGS, ...LINK_BUGS].map((bug) => ({
    ...bug,
    suite: "feed" as const,
    tests: () => feedTests(bug),
  })),
];

/** The suites on the parts without a bug. */
export const SOUND: Readonly<Record<SuiteName, () => readonly SuiteTest[]>> = {
  store: () => storeTests(null),
  queue: () => queueTests(null),
  "ordered queue": () => queueTests(null, true),
  notifier: () => notifierTests(null),
  feed: () => feedTests(null),
};

export interface Verdict {
  readonly suite: SuiteName;
  readonly name: string;
  readonly breaks: string;
  readonly expected: string;
  /** The first test that fails; `null`: none does. */
  readonly caughtBy: string | null;
  /** What it said, in short. */
  readonly said: string;
}

/** Looks in the group that is expected to catch it first, then everywhere. */
export async function judge(bug: SeededBug): Promise<Verdict> {
  const { suite, name, breaks, caughtBy: expected } = bug;
  const tests = bug.tests();
  const first = tests.filter(({ group }) => group === expected);
  const rest = tests.filter(({ group }) => group !== expected);
  const failure = await firstFailure([...first, ...rest]);
  const { error } = failure ?? { error: null };
  const said = error instanceof Error ? error.message.slice(0, 400) : "";
  return { suite, name, breaks, expected, caughtBy: failure?.title ?? null, said };
}
