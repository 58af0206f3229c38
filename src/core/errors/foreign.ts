// What other libraries and other realms (a frame, a worker of a test runner, `node:vm`) hand over: judged by what it is,
// never by its class, of which each of them has its own.

/** Whether a value is a promise, of any realm or library, as `await` takes it. */
export function isThenable<T>(value: T | PromiseLike<T>): value is PromiseLike<T> {
  return typeof (value as Partial<PromiseLike<T>> | null | undefined)?.then === "function";
}

/** Whether a value is an error. */
export function isError(value: unknown): value is Error {
  return value instanceof Error || Object.prototype.toString.call(value) === "[object Error]";
}

/**
 * Hears promises that stand where values are wanted, since an `await` was forgotten: whoever reads the value refuses it, and
 * that one of them rejects later must not end the process. Looks at the value and at `levels` of what it has. Never throws.
 */
export function hearPromises(value: unknown, levels = 2): void {
  try {
    if (isThenable(value)) Promise.resolve(value).catch(() => undefined);
    else if (levels > 0 && typeof value === "object" && value !== null)
      for (const part of Object.values(value)) hearPromises(part, levels - 1);
  } catch {
    // It throws when it is looked at: no promise is found in it.
  }
}
