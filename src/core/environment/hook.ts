import { isThenable } from "../errors/foreign.js";

/**
 * Calls what the application gave to be called. What it throws, at once or later, reaches `troubled` and nobody else: an
 * async function is taken for a hook too, and its rejection, unheard, would end the process.
 */
export function callHook(hook: () => unknown, troubled: (error: unknown) => void = ignore): void {
  try {
    const returned = hook();
    if (isThenable(returned)) Promise.resolve(returned).catch(troubled);
  } catch (error) {
    troubled(error);
  }
}

function ignore(): void {
  // There is nobody left to tell.
}
