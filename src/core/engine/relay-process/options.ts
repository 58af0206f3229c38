import { WaybillError } from "../../errors/errors.js";
import { checkOptions, checkWhole } from "../../options/options.js";
import type { Core } from "../context.js";

export interface RelayOptions {
  readonly notifiers?: readonly string[] | undefined;
  readonly reconcile?: boolean | undefined;
  readonly shutdownTimeoutMs?: number | undefined;
}

/** Options, checked and filled in. */
export interface RelaySettings {
  readonly notifiers: ReadonlySet<string>;
  readonly reconcile: boolean;
  readonly shutdownTimeoutMs: number;
}

function invalid(sentence: string): WaybillError<"config.invalid"> {
  return new WaybillError("config.invalid", sentence);
}

/** @throws WaybillError `config.invalid` */
export function checkRelay(core: Core, options: RelayOptions): RelaySettings {
  checkOptions("relay", options, ["notifiers", "reconcile", "shutdownTimeoutMs"]);
  const { notifiers = [...core.notifiers.keys()], reconcile = true, shutdownTimeoutMs = 30_000 } = options;
  if (!isList(notifiers)) throw invalid("notifiers of a relay must be a list of names.");
  for (const name of notifiers) {
    if (core.notifiers.has(name)) continue;
    throw invalid(
      core.notifierNames.includes(name)
        ? "A relay cannot publish to a notifier that is served elsewhere: pass the notifier itself to createWaybill."
        : "A relay is to publish to a notifier that is not among the notifiers of this Waybill.",
    );
  }
  if (notifiers.length === 0) throw invalid("A relay needs at least one notifier to publish to.");
  if (typeof reconcile !== "boolean") throw invalid("reconcile must be true or false.");
  checkWhole("shutdownTimeoutMs", shutdownTimeoutMs);
  return { notifiers: new Set(notifiers), reconcile, shutdownTimeoutMs };
}

/** `Array.isArray` would forget what the list is of. */
function isList(value: unknown): boolean {
  return Array.isArray(value);
}
