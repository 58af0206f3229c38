import { expect, expectTypeOf, it } from "vitest";
import { z } from "zod";
import { createWaybill, defineJob, memoryStore } from "../../src/index.js";
import { createClient } from "../../src/client.js";
import { jobRoutes } from "../../src/http.js";

const open = defineJob({ kind: "open", input: z.object({ n: z.number() }) });
const inner = defineJob({ kind: "inner", input: z.object({ n: z.number() }) });

/** A client of a server in the same process, which lets the outside start one of two kinds. */
function world() {
  const waybill = createWaybill({ jobs: [open, inner], store: memoryStore() });
  const routes = jobRoutes(waybill, {
    kinds: [open, inner],
    submit: [open],
    basePath: "/jobs",
    maxBodyBytes: 200,
    authorize: () => ({ owner: "ana" }),
  });
  const client = createClient({
    baseUrl: "http://server/jobs",
    jobs: [open, inner],
    fetch: async (input, init) => routes(new Request(input, init)),
  });
  return { waybill, client };
}

it("refuses a kind that is not started from outside by a code of its type", async () => {
  const { client } = world();
  const refused = await client.submit(inner, { n: 1 });
  if (refused.ok) throw new Error("it was submitted");
  expect(refused.error.code).toBe("job.not_found");
  expectTypeOf(refused.error.code).toEqualTypeOf<
    "input.invalid" | "input.too_large" | "idempotency.conflict" | "id.taken" | "job.not_found"
  >();
});

it("refuses a reason to cancel that is too large by a code of its type", async () => {
  const { client } = world();
  const { id } = await client.submit(open, { n: 1 }).unwrap();
  const refused = await client.cancel(id, { reason: "x".repeat(300) });
  if (refused.ok) throw new Error("it was cancelled");
  expect(refused.error.code).toBe("input.too_large");
  expectTypeOf(refused.error.code).toEqualTypeOf<
    "job.not_found" | "job.already_final" | "job.cannot_cancel" | "input.too_large"
  >();
});

it("lists as many as the server does where no limit is given", async () => {
  const { client, waybill } = world();
  const items = Array.from({ length: 51 }, (_, n) => ({ input: { n }, owner: "ana" }));
  await waybill.submitMany(open, items);
  const page = await client.list();
  expect([page.items.length, page.next === null]).toEqual([50, false]);
});
