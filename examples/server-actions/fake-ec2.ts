import { setTimeout as sleep } from "node:timers/promises";

/** How a machine that is not well behaves. */
export type Trouble = "capacity" | "exception" | "refuses";

/** What the service itself says that it has done: an outside witness. */
export interface Ec2LogEntry {
  readonly action: string;
  readonly instanceId: string;
  readonly done: boolean;
}

/** A little of EC2: actions take their time, and some fail. */
export class FakeEc2 {
  readonly log: Ec2LogEntry[] = [];
  readonly #trouble: ReadonlyMap<string, Trouble>;
  readonly #delayMs: number;

  constructor({
    trouble = {},
    delayMs = 400,
  }: { trouble?: Readonly<Record<string, Trouble>>; delayMs?: number } = {}) {
    this.#trouble = new Map(Object.entries(trouble));
    this.#delayMs = delayMs;
  }

  /** Whether it was done. @throws {CapacityError} there is no room; anything else is a fault of the service */
  start(instanceId: string): Promise<boolean> {
    return this.#act("start", instanceId);
  }

  stop(instanceId: string): Promise<boolean> {
    return this.#act("stop", instanceId);
  }

  reboot(instanceId: string): Promise<boolean> {
    return this.#act("reboot", instanceId);
  }

  /** A read: answered at once. */
  describe(instanceId: string): { readonly instanceId: string; readonly state: string } {
    const last = this.log.filter((entry) => entry.instanceId === instanceId && entry.done).at(-1);
    return { instanceId, state: last?.action !== "stop" ? "running" : "stopped" };
  }

  async #act(action: string, instanceId: string): Promise<boolean> {
    await sleep(this.#delayMs);
    const trouble = this.#trouble.get(instanceId);
    const done = trouble === undefined;
    this.log.push({ action, instanceId, done });
    if (trouble === "capacity") throw new CapacityError("No capacity in this zone");
    if (trouble === "exception")
      throw new TypeError("Cannot read properties of undefined (reading 'Reservations')");
    return done;
  }
}

/** What people may be told. */
export class CapacityError extends Error {
  override readonly name = "CapacityError";
}
