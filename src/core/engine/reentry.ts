/**
 * The calls that one Waybill makes of the application, and whether whoever asks now is awaited by one of them: a handler that
 * awaits the stop of its own worker would wait for itself.
 */
export interface Reentry {
  /** Calls the application. */
  call<T>(run: () => Promise<T>): Promise<T>;
  /** Whether this very call was made, however indirectly, by what the application was called for, and is awaited by it. */
  isInside(): boolean;
}

let made = 0;

/**
 * Found by the stack, which tells who awaits whom and costs nothing until it is asked for; an `AsyncLocalStorage` would slow
 * down every promise of the process on Node before 24. Where the runtime does not tell (engines other than V8, a call from
 * within a timer), nobody is inside, and the wait is as long as the time for the shutdown.
 */
export function createReentry(): Reentry {
  made += 1;
  const name = `called by waybill ${String(made)}.`;
  // A function of this name alone: whatever a bundler does to other names, this one is made when it runs.
  const { [name]: call } = {
    async [name]<T>(run: () => Promise<T>): Promise<T> {
      return await run();
    },
  };
  return { call: call as Reentry["call"], isInside: () => wholeStack().includes(name) };
}

function wholeStack(): string {
  // Some programs harden what is global: nothing can be asked there.
  if (Object.isFrozen(Error)) return "";
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = Number.POSITIVE_INFINITY;
  const { stack } = new Error("Who awaits this?");
  Error.stackTraceLimit = stackTraceLimit;
  return String(stack);
}
