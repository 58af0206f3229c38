import { expect, test, vi } from "vitest";
import * as waybill from "waybill";

vi.mock("waybill");

test("vi.mock finds every export", async () => {
  const actual = await vi.importActual("waybill");
  expect(Object.keys(waybill).sort()).toEqual(Object.keys(actual).sort());
  expect(vi.isMockFunction(waybill.createWaybill)).toBe(true);
  vi.mocked(waybill.createWaybill).mockReturnValue("mine");
  expect(waybill.createWaybill()).toBe("mine");
});

test("what is no function stays what it is", () => {
  expect(waybill.ERROR_CODES["claim.lost"].retryable).toBe(false);
});
