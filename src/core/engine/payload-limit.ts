import type { Core } from "./context.js";

/** Most bytes of an input or output: what the store takes, or less where the policy says so. */
export function payloadLimit({ policy, gateway }: Core): number {
  return Math.min(policy.maxPayloadBytes, gateway.store.capabilities.maxPayloadBytes);
}

/** Who set the limit that something is above, in brackets behind the sentence that says so. */
export function limitedBy({ policy, gateway }: Core): string {
  return policy.maxPayloadBytes < gateway.store.capabilities.maxPayloadBytes
    ? "(policy.maxPayloadBytes)"
    : "(what the store takes; policy.maxPayloadBytes can only be less)";
}
