/** Runs something in an async context of its own, made of the one that was current when this was made. */
export type InContext = <T>(run: () => T) => T;

/** What is needed of `node:async_hooks`. */
interface AsyncHooks {
  readonly AsyncLocalStorage: { snapshot?(): <T>(run: () => T) => T };
  readonly AsyncResource: new (type: string) => { runInAsyncScope<T>(run: () => T): T };
}

/** To go back to a context costs more than to make another of it while there. */
const MADE_AT_ONCE = 32;

/**
 * The context of here and now, for whatever is begun later on behalf of nobody in particular. Work of many callers travels
 * together, and whoever happens to schedule it would lend it his context: his tenant, his span, his transaction. What is run
 * cannot change the context for the next one either (`enterWith`).
 *
 * Where the platform has no such contexts (browsers), it simply runs.
 */
export function neutralContext(): InContext {
  const hooks = asyncHooks();
  if (typeof hooks?.AsyncLocalStorage.snapshot !== "function") return (run) => run();
  const { AsyncResource } = hooks;
  const here = hooks.AsyncLocalStorage.snapshot();
  const spare: InstanceType<typeof AsyncResource>[] = [];
  const own = (): InstanceType<typeof AsyncResource> => {
    for (let made = 1; made < MADE_AT_ONCE; made += 1) spare.push(new AsyncResource("waybill"));
    return new AsyncResource("waybill");
  };
  return (run) => (spare.pop() ?? here(own)).runInAsyncScope(run);
}

/**
 * Asked of the platform, not imported: the same code is loaded where there is no such module. Some runtimes have a `process`
 * that throws instead, at any touch or when it is asked.
 */
function asyncHooks(): AsyncHooks | undefined {
  try {
    const { process } = globalThis as { readonly process?: { getBuiltinModule?(name: string): unknown } };
    return process?.getBuiltinModule?.("node:async_hooks") as AsyncHooks | undefined;
  } catch {
    return undefined;
  }
}
