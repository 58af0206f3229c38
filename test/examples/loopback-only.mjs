// Loaded into an example before its own code: whoever connects to anything but this machine fails.
import { Socket } from "node:net";

const connect = Socket.prototype.connect;
const OWN = new Set(["127.0.0.1", "localhost", "::1", undefined]);

Socket.prototype.connect = function (...args) {
  const [first] = args.flat();
  const host = typeof first === "object" && first !== null ? first.host : args[1];
  if (typeof host === "function" || OWN.has(host)) return connect.apply(this, args);
  console.error(`An example reached out to ${host}.`);
  process.exit(3);
};
