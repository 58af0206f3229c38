import { createWaybill, defineJob, memoryStore } from "waybill";
import { z } from "zod";
import { afterEach, beforeEach, expect, it } from "vitest";
import { appsyncEventsNotifier, appsyncNotifier } from "../../src/appsync.js";
import type { Notifier } from "../../src/core/ports/notifier.js";
import { fakeClock } from "../../src/testing/fake-clock.js";
import { type AppSyncDouble, DOUBLE_KEYS, startAppSync } from "../doubles/appsync/double.js";

const MINUTE_MS = 60_000;
const JOBS = 20;

const work = defineJob({ kind: "work", input: z.object({}), output: z.null() });

let appsync: AppSyncDouble;
beforeEach(async () => {
  appsync = await startAppSync();
});
afterEach(() => appsync.close());

const events = (apiKey: string): Notifier =>
  appsyncEventsNotifier({
    endpoint: appsync.eventsUrl,
    auth: { mode: "apiKey", apiKey },
    namespace: "jobs",
  });
const graphql = (apiKey: string): Notifier =>
  appsyncNotifier({ endpoint: appsync.url, auth: { mode: "apiKey", apiKey }, userEmail: () => null });

it.each([
  // Its default events leave out that a job was made.
  ["GraphQL", 1, graphql],
  ["Events", 2, events],
] as const)("a key of the %s API that is wrong for an hour gives nothing up", async (_, perJob, open) => {
  const clock = fakeClock();
  const [wrong, right] = [open("da2-expired"), open(DOUBLE_KEYS.apiKey)];
  const state = { isWrong: true, refused: 0, told: new Set<string>(), open: new Set<Promise<unknown>>() };
  const ui: Notifier = {
    ...right,
    async publish(batch, context) {
      const answer = Promise.resolve((state.isWrong ? wrong : right).publish(batch, context));
      state.open.add(answer);
      const results = await answer.finally(() => state.open.delete(answer));
      for (const [place, { status }] of results.entries()) {
        if (status === "delivered") state.told.add(batch[place]!.id);
        else state.refused += 1;
      }
      return results;
    },
  };
  const quiet = (): void => undefined;
  const logger = { debug: quiet, info: quiet, warn: quiet, error: quiet };
  const waybill = createWaybill({ jobs: [work], store: memoryStore(), notifiers: { ui }, clock, logger });
  for (let made = 0; made < JOBS; made += 1) await clock.runUntil(waybill.submit(work, {}).unwrap());
  const step = async (): Promise<void> => {
    await clock.advance(MINUTE_MS);
    const passing = waybill.reconcile();
    // Real requests take no time of this clock.
    while (state.open.size > 0) await Promise.allSettled(state.open);
    await clock.runUntil(passing);
  };
  for (let minute = 0; minute < 60; minute += 1) await step();
  expect([state.told.size, state.refused > 5]).toEqual([0, true]);
  state.isWrong = false;
  for (let minute = 0; minute < 10; minute += 1) await step();
  expect(state.told.size).toBe(perJob * JOBS);
  expect((await waybill.undelivered()).items).toEqual([]);
  await clock.runUntil(waybill.close());
});
