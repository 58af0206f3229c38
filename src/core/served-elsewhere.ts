const BRAND = "waybill.served_elsewhere";

/** In the place of a notifier: its name is fixed in the records of this process, and another process serves it. */
export interface ServedElsewhere {
  readonly brand: typeof BRAND;
}

/**
 * Names a notifier that another process serves: `notifiers: { ui: servedElsewhere() }`. Jobs submitted here carry the name,
 * so that nobody is forgotten; nothing is published here, and nothing counts as unserved. Filters are the serving
 * process's.
 */
export function servedElsewhere(): ServedElsewhere {
  return { brand: BRAND };
}

/** By brand, since two copies of the package have two functions. */
export function isServedElsewhere(value: unknown): value is ServedElsewhere {
  return typeof value === "object" && value !== null && (value as { brand?: unknown }).brand === BRAND;
}
