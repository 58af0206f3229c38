import { WaybillError } from "../../../core/errors/errors.js";

/** What is called of a client, by a store and by a feed alone. */
const NEEDED = {
  "the Redis store": ["eval", "evalsha", "publish", "wait", "duplicate"],
  redisFeed: ["publish", "duplicate"],
} as const;

/**
 * @throws WaybillError `config.invalid` when it is no client of ioredis: others name the same commands otherwise, and answer
 *   them otherwise
 */
export function checkClient(of: keyof typeof NEEDED, client: unknown): void {
  const needed = NEEDED[of];
  const isObject = typeof client === "object" && client !== null;
  const given = client as Readonly<Record<string, unknown>>;
  const missing = isObject ? needed.filter((name) => typeof given[name] !== "function") : needed;
  if (isObject && missing.length === 0 && typeof given["status"] === "string") return;
  throw new WaybillError(
    "config.invalid",
    `The client of ${of} is no Redis or Cluster of ioredis` +
      (isObject && missing.length > 0 ? `: it has no ${missing.join(", ")}.` : "."),
  );
}
