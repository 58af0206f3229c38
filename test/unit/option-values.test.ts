// Every option of every entry, given what it cannot be: a sentence that names it, and never what JavaScript happens to say.
import { describe, expect, it } from "vitest";
import { ENTRIES, type Entry } from "./option-entries.js";

const VALUES: Readonly<Record<string, unknown>> = {
  number: 7,
  text: "text",
  null: null,
  object: {},
  list: [],
  flag: true,
  function: () => undefined,
  bigint: 5n,
  "list of nothing": [null],
};

/** Which of them an option may be, by its name. What is not named here may be none. */
const MAY_BE: Readonly<Record<string, readonly string[]>> = {
  number: [
    ...["delayMs", "deadlineMs", "limit", "concurrency", "shutdownTimeoutMs", "pollIntervalMs", "prefetch"],
    ...["reserveMs", "budgetMs", "timeoutMs", "expectedMs", "leaseMs", "retainMs", "maxAttempts", "baseMs"],
    ...["capMs", "visibilityMs", "maxDelayMs", "maxReceives", "maxBatch", "giveUpAfterMs", "busyTimeoutMs"],
    ...["shards", "clockSkewMs", "retryForMs", "longestLeaseMs", "maxBodyBytes", "maxWaits"],
    ...["readUnits", "writeUnits", "remainingMs"],
  ],
  text: [
    ...["idempotencyKey", "owner", "subject", "actor", "id", "reason", "kind", "jobId", "notifier", "name"],
    ...["queue", "schema", "prefix", "channel", "table", "tableArn", "queueArn", "deadLetterQueueArn"],
    ...["queueName", "deadLetterQueue", "exchange", "mutation", "subscription", "baseUrl"],
  ],
  null: [
    ...["owner", "maxReceives", "visibilityMs", "publisher", "subscriber", "mutation", "subscription"],
    ...["handlers", "queue", "deadLetterQueue"],
  ],
  object: ["queues", "notifiers", "telemetry", "policy", "messages", "project", "retry", "faults", "known"],
  list: [
    ...[
      "retired",
      "status",
      "versions",
      "ids",
      "kind",
      "handlers",
      "kinds",
      "on",
      "allowedOrigins",
      "submit",
    ],
    "queues",
  ],
  flag: ["reconcile", "wakeMessages", "reconciledElsewhere", "ordered", "timeToLive", "declare"],
  function: [
    ...["newId", "onTrim", "onPublish", "onParked", "onWarning", "random", "run", "authorize", "subject"],
    ...["metadata", "actor", "name", "endpoint", "telemetry", "policy", "faults", "known"],
  ],
  bigint: [],
  "list of nothing": ["versions"],
};

/** Whatever a caller has: the schema of the kind judges it. */
const ANYTHING = ["input", "metadata"];

/** `null`: it was taken. */
async function refusal(call: () => unknown): Promise<unknown> {
  try {
    const answer = await call();
    const { ok, error } = (answer ?? {}) as { readonly ok?: boolean; readonly error?: unknown };
    return ok === false ? error : null;
  } catch (error) {
    return error;
  }
}

/** Of a WaybillError; of anything else its text, which is no code. */
function codeOf(error: unknown): string {
  const { code, message } = error as { readonly code?: unknown; readonly message?: unknown };
  return typeof code === "string" ? code : `${typeof error}: ${String(message)}`;
}

function optionsWith({ base }: Entry, name: string, value: unknown): never {
  return { ...base, [name]: value } as never;
}

describe.each(ENTRIES)("the options of $what", (entry) => {
  it("are refused with a sentence where they cannot be what they are", async () => {
    for (const name of entry.known) {
      for (const [what, value] of Object.entries(VALUES)) {
        const error = await refusal(() => entry.call(optionsWith(entry, name, value)));
        const said = `${entry.what}: ${name} is ${what}`;
        if (error === null) {
          const isMeant = ANYTHING.includes(name) || MAY_BE[what]?.includes(name);
          expect(isMeant, `${said}, and was taken`).toBe(true);
        } else {
          expect(codeOf(error), said).toMatch(/^\w+\.\w+$/);
        }
      }
    }
  });

  it("say what is missing where there must be some", async () => {
    // A worker that runs, and an observer, have no end of their own.
    if (["run", "observe"].includes(entry.what)) return;
    for (const none of [undefined, {}]) {
      const error = await refusal(() => entry.call(none as never));
      if (error === null) continue;
      expect(codeOf(error), entry.what).toMatch(/^\w+\.\w+$/);
    }
  });
});
