import { expect, it } from "vitest";
import { z } from "zod";
import { jobRoutes } from "../../src/http.js";
import { createWaybill, defineJob, memoryStore } from "../../src/index.js";
import { createFaults } from "../../src/testing/faults/faults.js";
import { fakeClock } from "../../src/testing/fake-clock.js";

const work = defineJob({ kind: "work", input: z.object({ n: z.number() }), output: z.number() });

it("says of a stream whose credential ends before its first word that it ended, and not that there is no job", async () => {
  const clock = fakeClock();
  const faults = createFaults({ clock });
  const waybill = createWaybill({ jobs: [work], store: faults.wrapStore(memoryStore()), clock });
  const routes = jobRoutes(waybill, {
    kinds: [work],
    submit: [],
    authorize: () => ({ owner: "ann", expiresAt: new Date(clock.now() + 1_000) }),
  });
  const { id } = await clock.runUntil(waybill.submit(work, { n: 1 }, { owner: "ann" }).unwrap());
  const headers = { accept: "text/event-stream" };
  for (const [path, method] of [
    [`/${id}`, "read"],
    ["/?kind=work", "list"],
  ] as const) {
    faults.store(method, { fault: "delay", delayMs: 5_000 });
    const response = await clock.runUntil(routes(new Request(`http://server/jobs${path}`, { headers })));
    expect([response.status, await response.json()]).toMatchObject([
      401,
      { code: "request.unauthenticated" },
    ]);
    faults.heal();
  }
  await clock.runUntil(waybill.close());
});
