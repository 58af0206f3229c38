import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isLoopbackAddress, isPublicAddress } from "../../src/transports/webhook/address.js";

describe("a public address", () => {
  it.each([
    ...[
      "1.1.1.1",
      "8.8.8.8",
      "9.255.255.255",
      "11.0.0.0",
      "100.63.255.255",
      "100.128.0.0",
      "126.255.255.255",
    ],
    ...["128.0.0.0", "169.253.255.255", "169.255.0.0", "172.15.255.255", "172.32.0.0", "192.0.1.0"],
    ...["192.167.255.255", "192.169.0.0", "198.17.255.255", "198.20.0.0", "223.255.255.255"],
    ...["2001:200::1", "2606:4700:4700::1111", "2a00:1450::1", "2003::1", "3ffe::1", "3fff:1000::1"],
  ])("is %s", (address) => {
    expect(isPublicAddress(address)).toBe(true);
  });

  it.each([
    ...["0.0.0.0", "0.255.255.255", "10.0.0.0", "10.255.255.255", "100.64.0.0", "100.127.255.255"],
    ...["127.0.0.0", "127.255.255.255", "169.254.0.0", "169.254.169.254", "172.16.0.0", "172.31.255.255"],
    ...["192.0.0.0", "192.0.0.255", "192.0.2.1", "192.88.99.1", "192.168.0.0", "192.168.255.255"],
    ...["198.18.0.0", "198.19.255.255", "198.51.100.1", "203.0.113.1", "224.0.0.0", "240.0.0.1"],
    ...["255.255.255.255", "::", "::1", "::127.0.0.1", "::8.8.8.8", "::ffff:8.8.8.8", "::ffff:7f00:1"],
    ...["64:ff9b::8.8.8.8", "64:ff9b:1::1", "100::1", "1fff:ffff::1", "2001::1", "2001:1ff:ffff::1"],
    ...["2001:db8::1", "2002:808:808::1", "3fff::1", "3fff:fff::1", "4000::1", "5f00::1", "8000::1"],
    ...["fc00::1", "fdff::1", "fe80::1", "fe80::1%eth0", "2606:4700::1%eth0", "fec0::1", "ff02::1"],
    ...["", "localhost", "1.1.1", "01.1.1.1", "1.1.1.1 ", "0x1.1.1.1"],
  ])("is not %j", (address) => {
    expect(isPublicAddress(address)).toBe(false);
  });

  it("is no loopback address, and neither is both", () => {
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), (address) => {
        expect(isPublicAddress(address) && isLoopbackAddress(address)).toBe(false);
      }),
    );
  });
});

describe("a loopback address", () => {
  it("is of 127/8, or ::1, in its plain form", () => {
    expect(["127.0.0.1", "127.255.255.255", "::1"].map(isLoopbackAddress)).toEqual([true, true, true]);
    const others = ["126.255.255.255", "128.0.0.0", "0.0.0.0", "::", "::2", "::127.0.0.1", "::1%lo", "127.1"];
    expect(others.filter(isLoopbackAddress)).toEqual([]);
  });
});
