import { describe, expect, it } from "vitest";
import { defineJob } from "../../src/core/define/define-job.js";
import { ERROR_CODES, type ErrorCode } from "../../src/core/errors/error-codes.js";
import {
  InputInvalidError,
  isWaybillError,
  JobFailedError,
  PermanentError,
  RetryError,
  StoreCorruptError,
  StoreNotMigratedError,
  StoreUnavailableError,
  WaitTimeoutError,
  WaybillError,
} from "../../src/core/errors/errors.js";

describe("WaybillError", () => {
  it.each(Object.keys(ERROR_CODES) as ErrorCode[])(
    "%s says what is wrong, what to do, and its code",
    (code) => {
      const error = new WaybillError(code, "Something is wrong.");
      const { remedy, retryable } = ERROR_CODES[code];
      expect(error.message).toBe(`Something is wrong. ${remedy} [${code}]`);
      expect(error).toMatchObject({
        code,
        retryable,
        outcome: "not_applied",
        jobId: undefined,
        name: "WaybillError",
      });
      expect(error.docs).toMatch(/^docs\/errors\.md#[a-z_]+$/);
    },
  );

  it("carries outcome, job and cause where they are known, and no cause where there is none", () => {
    const cause = new Error("below");
    const error = new WaybillError("store.conflict", "It moved.", { outcome: "unknown", jobId: "j", cause });
    expect(error).toMatchObject({ outcome: "unknown", jobId: "j", cause });
    expect("cause" in new WaybillError("store.conflict", "It moved.")).toBe(false);
  });

  it("is recognised by its brand, also when another copy of the package made it", () => {
    const foreign = { brand: "waybill.error", code: "job.not_found" };
    expect(isWaybillError(foreign)).toBe(true);
    expect(isWaybillError(foreign, "job.not_found")).toBe(true);
    expect(isWaybillError(foreign, "job.not_failed")).toBe(false);
    for (const other of [null, undefined, "waybill.error", new Error("x"), { code: "job.not_found" }]) {
      expect(isWaybillError(other)).toBe(false);
    }
  });
});

describe("the error of a definition, which brings no table of codes along", () => {
  const thrown = ((): unknown => {
    try {
      return defineJob({ kind: "no good" } as never);
    } catch (error) {
      return error;
    }
  })();

  it("is an error of Waybill in every way", () => {
    expect(isWaybillError(thrown, "config.invalid")).toBe(true);
    expect(thrown).toBeInstanceOf(WaybillError);
    expect(thrown).toBeInstanceOf(Error);
    const { remedy, retryable } = ERROR_CODES["config.invalid"];
    const same = new WaybillError("config.invalid", "Something is wrong.");
    expect(Object.entries(thrown as WaybillError)).toEqual(Object.entries(same));
    expect(thrown).toMatchObject({ name: "WaybillError", retryable });
    expect((thrown as WaybillError).message).toMatch(/^kind must be a name .+ \[config\.invalid\]$/);
    expect((thrown as WaybillError).message).toContain(` ${remedy} [`);
  });

  it("is none of the errors with a name of their own", () => {
    expect(thrown).not.toBeInstanceOf(InputInvalidError);
    expect(new InputInvalidError("No.", [])).toBeInstanceOf(InputInvalidError);
    expect(new InputInvalidError("No.", [])).toBeInstanceOf(WaybillError);
    expect(new Error("x")).not.toBeInstanceOf(WaybillError);
  });
});

describe("errors with a name of their own", () => {
  it.each<[WaybillError, string, ErrorCode, object]>([
    [
      new StoreUnavailableError("Away.", { outcome: "unknown" }),
      "StoreUnavailableError",
      "store.unavailable",
      { outcome: "unknown" },
    ],
    [new StoreNotMigratedError("Old."), "StoreNotMigratedError", "store.not_migrated", {}],
    [new StoreCorruptError("j", "two statuses"), "StoreCorruptError", "store.corrupt", { jobId: "j" }],
    [
      new JobFailedError("j", "error", "no luck"),
      "JobFailedError",
      "result.job_failed",
      { jobId: "j", reason: "error" },
    ],
    [
      new InputInvalidError("Bad.", [{ path: "a", message: "is no number" }]),
      "InputInvalidError",
      "input.invalid",
      { issues: [{ path: "a", message: "is no number" }] },
    ],
    [new WaitTimeoutError("j", 5), "WaitTimeoutError", "result.timeout", { jobId: "j" }],
  ])("%s", (error, name, code, facts) => {
    expect(error).toMatchObject({ name, code, ...facts });
    expect(isWaybillError(error, code)).toBe(true);
  });
});

describe("errors that steer", () => {
  it.each([PermanentError, RetryError])(
    "%o carries code and cause, and is not shown to users unless it says so",
    (Kind) => {
      const cause = new Error("below");
      expect(new Kind("no")).toMatchObject({ message: "no", code: undefined, expose: false });
      expect("cause" in new Kind("no")).toBe(false);
      expect(new Kind("no", { code: "E_NO", expose: true, cause })).toMatchObject({
        code: "E_NO",
        expose: true,
        cause,
      });
    },
  );

  it("a retry may name its time", () => {
    expect(new RetryError("later", { afterMs: 7 }).afterMs).toBe(7);
    expect(new RetryError("later").afterMs).toBeUndefined();
  });
});
