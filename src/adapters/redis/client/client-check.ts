import { WaybillError } from "../../../core/errors/errors.js";

/** What is called of a client before and after its first write. */
const NEEDED = ["eval", "evalsha", "publish", "wait", "duplicate"] as const;

/**
 * @throws WaybillError `config.invalid` when it is no client of ioredis: others name the same commands otherwise, and answer
 *   them otherwise
 */
export function checkClient(client: unknown): void {
  const isObject = typeof client === "object" && client !== null;
  const given = client as Readonly<Record<string, unknown>>;
  const missing = isObject ? NEEDED.filter((name) => typeof given[name] !== "function") : NEEDED;
  if (isObject && missing.length === 0 && typeof given["status"] === "string") return;
  throw new WaybillError(
    "config.invalid",
    "The client of the Redis store is no Redis or Cluster of ioredis" +
      (isObject && missing.length > 0 ? `: it has no ${missing.join(", ")}.` : "."),
  );
}
