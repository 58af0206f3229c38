import { defineJob } from "waybill";
import { z } from "zod";

/** A message of some service, for an HTTP endpoint. */
export const notification = defineJob({
  kind: "notification.deliver",
  input: z.object({ id: z.string().regex(/^[a-z0-9-]{1,40}$/), text: z.string().min(1).max(2_000) }),
  /** What the receiver said that it made of it. */
  output: z.object({ receipt: z.string() }),
  subject: ({ id }) => id,
});
