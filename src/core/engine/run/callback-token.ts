import { WaybillError } from "../../errors/errors.js";
import type { CallbackTokenOptions, RuntimeHandler } from "../../handler.js";
import { checkOptions } from "../../options/options.js";
import type { JobRecord } from "../../job/record.js";
import type { Core } from "../context.js";
import { awaitTimeoutMsOf } from "../kind-settings.js";

/** The work is awaited from `track` on, the token is made before its launch. */
const LAUNCH_MS = 3_600_000;

/** A token for the work that the claim on this record launches. @throws WaybillError `config.invalid` */
export function signLaunch(
  core: Core,
  handler: RuntimeHandler,
  { id, kind, fence }: JobRecord,
  options: CallbackTokenOptions | undefined,
): string {
  const { callbacks } = core;
  if (callbacks === null) {
    throw invalid("callbackToken needs callbacks: { secrets } among the options of createWaybill.");
  }
  if (!handler.definition.external) {
    throw invalid(`The kind ${kind} has no external work that a callback could tell of.`);
  }
  checkOptions("callbackToken", options, ["ttlMs"]);
  const ttlMs = options?.ttlMs ?? callbacks.ttlMs ?? awaitTimeoutMsOf(core, handler) + LAUNCH_MS;
  if (!Number.isSafeInteger(ttlMs) || ttlMs <= 0) {
    throw invalid("ttlMs of callbackToken must be a whole number of milliseconds above 0.");
  }
  return callbacks.sign({ id, kind, fence, expiresAt: core.time.now() + ttlMs });
}

function invalid(sentence: string): WaybillError<"config.invalid"> {
  return new WaybillError("config.invalid", sentence);
}
