import { describe, expect, it } from "vitest";
import { AsyncResult, err, isOk, ok, type Result, unwrap } from "../../src/core/errors/result.js";

const no = new Error("no");
const refused = (): Result<number, Error> => err(no);

describe("Result", () => {
  it("is a value or an error", () => {
    expect([isOk(ok(1)), isOk(refused())]).toEqual([true, false]);
    expect(unwrap(ok(1))).toBe(1);
    expect(() => unwrap(refused())).toThrow(no);
  });
});

describe("AsyncResult", () => {
  it("is a real promise of a result", async () => {
    const asked = AsyncResult.run(async () => ok(7));
    expect(asked).toBeInstanceOf(Promise);
    expect(await asked).toEqual({ ok: true, value: 7 });
  });

  it("gives the value, or rejects with the refusal", async () => {
    expect(await AsyncResult.run(async () => ok(7)).unwrap()).toBe(7);
    await expect(AsyncResult.run(async () => refused()).unwrap()).rejects.toBe(no);
  });

  it("rejects with what was thrown", async () => {
    await expect(AsyncResult.run(() => Promise.reject(no))).rejects.toBe(no);
    await expect(AsyncResult.run(() => Promise.reject(no)).unwrap()).rejects.toBe(no);
  });

  it("gives plain promises from then on, which have no unwrap", () => {
    const next = AsyncResult.run(async () => ok(7)).then((result) => result);
    expect(next).not.toBeInstanceOf(AsyncResult);
    expect(next).toBeInstanceOf(Promise);
  });
});
