jest.mock("waybill");

test("jest.mock finds every export", () => {
  const mocked = require("waybill");
  const actual = jest.requireActual("waybill");
  const names = Object.keys(mocked).filter((name) => name !== "__esModule");
  expect(names.sort()).toEqual(Object.keys(actual).sort());
  mocked.createWaybill.mockReturnValue("mine");
  expect(mocked.createWaybill()).toBe("mine");
});
