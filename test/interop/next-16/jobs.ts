import { defineJob } from "waybill";

const number = {
  "~standard": {
    version: 1 as const,
    vendor: "interop",
    validate: (value: unknown) =>
      typeof value === "number" ? { value } : { issues: [{ message: "is no number" }] },
    types: undefined as unknown as { readonly input: number; readonly output: number },
  },
};

/** Held by the page too. */
export const double = defineJob({ kind: "double", input: number, output: number });
