// What callers pass in is copied once and frozen; what they get is the frozen value itself. So nothing is shared that
// somebody could change, and a read copies nothing.

/**
 * An own, frozen copy of a record, patch or cursor map. Values go through JSON text, as in every other store: what JSON
 * does not carry is not kept here either, and keys like `__proto__` stay plain keys.
 */
export function ownCopy<T extends object>(given: T): T {
  return freezeDeep(JSON.parse(JSON.stringify(given))) as T;
}

function freezeDeep(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  for (const part of Object.values(value)) freezeDeep(part);
  return Object.freeze(value);
}
