import { BlockList, isIP } from "node:net";

// What no address of somebody else's server is in. By the registries of special-purpose addresses:
// https://www.iana.org/assignments/iana-ipv4-special-registry, …/iana-ipv6-special-registry.
const SPECIAL_IPV4 = [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  // Link-local, and with it the metadata services of clouds.
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.0.2.0", 24],
  ["192.88.99.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["198.51.100.0", 24],
  ["203.0.113.0", 24],
  // Multicast, reserved, broadcast.
  ["224.0.0.0", 3],
] as const;

/**
 * All that is given out to networks. Outside of it are loopback, link-local, unique local and multicast addresses, and those
 * that hold an IPv4 address: mapped (`::ffff:0:0/96`), compatible (`::/96`), translated (`64:ff9b::/96`).
 */
const GLOBAL_IPV6 = ["2000::", 3] as const;
const SPECIAL_IPV6 = [
  // Teredo, which holds an IPv4 address, ORCHID, benchmarking.
  ["2001::", 23],
  ["2001:db8::", 32],
  // 6to4, which holds an IPv4 address.
  ["2002::", 16],
  ["3fff::", 20],
] as const;

const special = new BlockList();
for (const [net, prefix] of SPECIAL_IPV4) special.addSubnet(net, prefix, "ipv4");
for (const [net, prefix] of SPECIAL_IPV6) special.addSubnet(net, prefix, "ipv6");
const globalIpv6 = new BlockList();
globalIpv6.addSubnet(...GLOBAL_IPV6, "ipv6");
const loopback = new BlockList();
loopback.addSubnet("127.0.0.0", 8, "ipv4");
loopback.addAddress("::1", "ipv6");

/** Whether an address is one of the public internet. What is no address is not. */
export function isPublicAddress(address: string): boolean {
  // With a zone (`fe80::1%eth0`) it is of this machine's own links.
  if (address.includes("%")) return false;
  const family = isIP(address);
  if (family === 4) return !special.check(address, "ipv4");
  return family === 6 && globalIpv6.check(address, "ipv6") && !special.check(address, "ipv6");
}

/** Whether an address is this machine's own, in its plain form. */
export function isLoopbackAddress(address: string): boolean {
  if (address.includes("%")) return false;
  const family = isIP(address);
  return family !== 0 && loopback.check(address, family === 4 ? "ipv4" : "ipv6");
}
