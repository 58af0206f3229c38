import { describe, it } from "vitest";
import { rabbitmqMissing } from "../../support/rabbitmq-server.js";
import { expectClean, TIMEOUT_MS } from "../expect-clean.js";
import { serverMissing } from "../postgres-server.js";
import { postgresTorture } from "../postgres-torture.js";
import { torturePair } from "./pair.js";
import { rabbitmqTorture } from "./rabbitmq-torture.js";
import { SHORT_PAIR } from "./short.js";

// A broker takes seconds to be there again, far more on a loaded machine: the long run kills it three times.
const OPTIONS = { ...SHORT_PAIR, serverKills: 1 };

describe.skipIf(serverMissing() !== null || rabbitmqMissing() !== null)(
  "Postgres and RabbitMQ, under processes that work, submit and reconcile and are killed, and a broker that is killed",
  () => {
    it("lose no job, end each once, and tell of every change", { timeout: TIMEOUT_MS }, async () => {
      expectClean(
        "Postgres and RabbitMQ",
        OPTIONS,
        await torturePair(postgresTorture, rabbitmqTorture, OPTIONS),
      );
    });
  },
);
