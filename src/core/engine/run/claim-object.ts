import type { RunContext } from "../../handler.js";
import type { ClaimEnd, OwnClaim } from "./own-claim.js";

/** A claim as the application holds it: a handler's context, and the ways to end it. */
export interface ClaimObject extends Omit<RunContext, "track" | "done" | "callbackToken"> {
  callbackToken?: RunContext["callbackToken"];
  complete(output: unknown): Promise<ClaimEnd>;
  done(output: unknown): Promise<ClaimEnd>;
  track(ref: unknown): Promise<ClaimEnd>;
  fail(error: unknown): Promise<ClaimEnd>;
  release(options?: { readonly afterMs?: number | undefined }): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Which endings it has goes by the kind: with external work there is no `complete`. */
export function claimObject(claim: OwnClaim, external: boolean): ClaimObject {
  const { context } = claim;
  const release = ({ afterMs }: { readonly afterMs?: number | undefined } = {}): Promise<void> =>
    claim.release(afterMs);
  const endings = external
    ? {
        track: (ref: unknown) => claim.track(ref),
        done: (output: unknown) => claim.complete(output),
        callbackToken: context.callbackToken,
      }
    : { complete: (output: unknown) => claim.complete(output) };
  const object = {
    input: context.input,
    attempt: context.attempt,
    fence: context.fence,
    lastCheckpoint: context.lastCheckpoint,
    phase: context.phase,
    progress: context.progress,
    warn: context.warn,
    key: context.key,
    checkpoint: context.checkpoint,
    fail: (error: unknown) => claim.fail(error),
    release,
    [Symbol.asyncDispose]: () => release(),
    ...endings,
  };
  // Made when they are looked at, as for a handler.
  return Object.defineProperties(object, {
    job: { enumerable: true, get: () => context.job },
    signal: { enumerable: true, get: () => context.signal },
    logger: { enumerable: true, get: () => context.logger },
  }) as unknown as ClaimObject;
}
