import { defineJob } from "waybill";
import { z } from "zod";

/** Two phases, so that a job makes six events. */
export const step = defineJob({
  kind: "step",
  input: z.object({ n: z.number() }),
  phases: ["begun", "going"],
  // What a process that dies has done is not what is looked at.
  retry: { maxAttempts: 20, baseMs: 10, capMs: 100 },
});

/** What a process works on that has nothing to do with the jobs that are looked at. */
export const bystand = defineJob({ kind: "bystand", input: z.object({}) });
