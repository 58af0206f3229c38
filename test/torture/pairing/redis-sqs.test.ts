import { describe, it } from "vitest";
import { redisMissing } from "../../integration/redis-server.js";
import { expectClean, TIMEOUT_MS } from "../expect-clean.js";
import { redisTorture } from "../redis-torture.js";
import { torturePair } from "./pair.js";
import { SHORT_PAIR } from "./short.js";
import { sqsTorture } from "./sqs-torture.js";

describe.skipIf(redisMissing() !== null)(
  "Redis and SQS, under processes that work, submit and reconcile and are killed",
  () => {
    it("lose no job, end each once, and tell of every change", { timeout: TIMEOUT_MS }, async () => {
      expectClean("Redis and SQS", SHORT_PAIR, await torturePair(redisTorture, sqsTorture, SHORT_PAIR));
    });
  },
);
