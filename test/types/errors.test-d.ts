import { expectTypeOf } from "vitest";
import type { SubmitRefusal } from "../../src/core/api/submit.js";
import { isWaybillError, type Issue, type WaybillError } from "../../src/core/errors/errors.js";
import type { FailureReason } from "../../src/core/job/record.js";

declare const thrown: unknown;
if (isWaybillError(thrown)) expectTypeOf(thrown).toEqualTypeOf<WaybillError>();
if (isWaybillError(thrown, "input.invalid")) expectTypeOf(thrown.issues).toEqualTypeOf<readonly Issue[]>();
if (isWaybillError(thrown, "result.job_failed")) expectTypeOf(thrown.reason).toEqualTypeOf<FailureReason>();
if (isWaybillError(thrown, "job.not_found")) {
  expectTypeOf(thrown.code).toEqualTypeOf<"job.not_found">();
  // @ts-expect-error -- it has no issues
  thrown.issues;
}
// @ts-expect-error -- no such code
isWaybillError(thrown, "job.lost");

declare const refused: SubmitRefusal;
if (refused.code === "input.invalid") expectTypeOf(refused.issues[0]!.path).toEqualTypeOf<string>();
