/** Runs something in a macrotask of its own, after all continuations of promises that there are. */
export type Macrotask = (fn: () => void) => void;

interface Timers {
  readonly setImmediate?: Macrotask;
}

/** Of browsers and of Node, whose types differ. */
interface Port {
  onmessage?: unknown;
  unref?(): void;
}

/**
 * One of the runtime itself, also where a test has faked its timers before this was loaded: such timers stand still until the
 * test moves them, and a clock that runs on them would too.
 */
export function realMacrotask(): Macrotask {
  const built = timersOfNode();
  const own = [(globalThis as Timers).setImmediate, built?.setImmediate].find(
    (found) => typeof found === "function" && !isFaked(found),
  );
  return own ?? throughMessages() ?? ((fn) => void setTimeout(fn, 0));
}

/** Sinon's fakes, which Vitest and Jest use, hold their clock; Jest's older ones are mocks. */
function isFaked(timer: Macrotask): boolean {
  return "clock" in timer || "_isMockFunction" in timer;
}

/** Some runtimes have a `process` that throws at any touch, or when it is asked. */
function timersOfNode(): Timers | undefined {
  try {
    const { process } = globalThis as { readonly process?: { getBuiltinModule?(name: string): unknown } };
    return process?.getBuiltinModule?.("node:timers") as Timers | undefined;
  } catch {
    return undefined;
  }
}

/** Messages are nobody's timers. */
function throughMessages(): Macrotask | null {
  if (typeof MessageChannel !== "function") return null;
  const { port1, port2 } = new MessageChannel();
  const waiting: (() => void)[] = [];
  const port: Port = port1;
  port.onmessage = () => waiting.shift()?.();
  // In Node a port that listens keeps its process.
  port.unref?.();
  return (fn) => {
    waiting.push(fn);
    port2.postMessage(null);
  };
}
