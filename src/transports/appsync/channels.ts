import { createHash } from "node:crypto";
import { invalid, type AppSyncChannel } from "./options.js";

/**
 * What AppSync takes as the name of a namespace, and as each further part of a channel's name.
 * https://docs.aws.amazon.com/appsync/latest/APIReference/API_ChannelNamespace.html
 */
const LEGAL = /^[A-Za-z0-9](?:[A-Za-z0-9-]{0,48}[A-Za-z0-9])?$/;

/** A channel has at most five parts, the namespace among them. */
const MOST_PARTS = 4;

const HASHED = "h-";
const HASH_CHARS = 40;

export function checkNamespace(namespace: string): string {
  if (typeof namespace === "string" && LEGAL.test(namespace)) return namespace;
  throw invalid(
    "namespace of appsyncEventsNotifier must be 1 to 50 letters, digits and hyphens, with no hyphen at either end.",
  );
}

/**
 * The name of a channel; `null`: it has no parts, or more than four, or one that is no text. A part that is no legal name, or
 * that looks like a hash, becomes `h-` and 40 hexadecimal digits of its SHA-256: nobody can choose a name that is another's.
 */
export function channelName(namespace: string, parts: AppSyncChannel): string | null {
  if (!Array.isArray(parts) || parts.length === 0 || parts.length > MOST_PARTS) return null;
  if (!parts.every((part) => typeof part === "string" && part !== "")) return null;
  return `/${[namespace, ...(parts as AppSyncChannel).map(legal)].join("/")}`;
}

function legal(part: string): string {
  if (LEGAL.test(part) && !part.startsWith(HASHED)) return part;
  return HASHED + createHash("sha256").update(part).digest("hex").slice(0, HASH_CHARS);
}
