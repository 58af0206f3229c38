import type { Job } from "waybill";
import { expectTypeOf } from "vitest";
import type { serverAction } from "../../examples/server-actions/server-action.job.js";
import type { ActionsWaybill } from "../../examples/server-actions/open-waybill.js";

// The page knows three words, whoever reads a job or hears of it.
type Words = "PROCESSING" | "COMPLETED" | "FAILED";
expectTypeOf<Job<typeof serverAction>["word"]>().toEqualTypeOf<Words>();
expectTypeOf<Awaited<ReturnType<ActionsWaybill["list"]>>["items"][number]["word"]>().toEqualTypeOf<Words>();
