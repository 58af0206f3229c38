import { WaybillError } from "../../core/errors/errors.js";
import { requireOptions } from "../../core/options/options.js";

/**
 * Refuses what is no probability, and a fault that does not exist: it would never strike, and a test would show nothing.
 *
 * @throws {WaybillError} `config.invalid`
 */
export function checkFaults(faults: unknown, rates: readonly string[], others: readonly string[] = []): void {
  requireOptions("faults", faults, [...rates, ...others]);
  const given = faults as Readonly<Record<string, unknown>>;
  for (const name of rates) {
    const rate = given[name];
    if (rate === undefined || (typeof rate === "number" && rate >= 0 && rate <= 1)) continue;
    throw new WaybillError("config.invalid", `${name} of faults must be a number from 0 to 1.`);
  }
}
