/** Either a value, or why not. */
export type Result<T, E> =
  { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: E };

/** A `Result` that holds a value. */
export function ok<T>(value: T): { readonly ok: true; readonly value: T } {
  return { ok: true, value };
}

/** A `Result` that says no, and why. Nothing is thrown. */
export function err<E>(error: E): { readonly ok: false; readonly error: E } {
  return { ok: false, error };
}

/** Whether a result holds a value; narrows its type. */
export function isOk<T, E>(result: Result<T, E>): result is { readonly ok: true; readonly value: T } {
  return result.ok;
}

/** The value, or the error thrown. */
export function unwrap<T, E extends Error>(result: Result<T, E>): T {
  if (result.ok) return result.value;
  throw result.error;
}

/**
 * A promise of a `Result`. `Err` means that Waybill decided no and nothing was written; a rejection means misuse, out of
 * reach, or unknown. A real promise, so that lint rules against floating promises see it.
 */
export class AsyncResult<T, E extends Error> extends Promise<Result<T, E>> {
  // `then` and `catch` give plain promises: only the call itself carries `unwrap`.
  static override get [Symbol.species](): PromiseConstructor {
    return Promise;
  }

  /** Runs `work`; what it throws rejects the promise. */
  static run<T, E extends Error>(work: () => Promise<Result<T, E>>): AsyncResult<T, E> {
    return new AsyncResult<T, E>((resolve, reject) => {
      work().then(resolve, reject);
    });
  }

  /** The value; rejects with the error where the answer is no. */
  unwrap(): Promise<T> {
    return this.then(unwrap);
  }
}
