import type { Plan } from "./kinds.js";
import type { World } from "./world.js";

interface Operation {
  readonly ref: { readonly op: string };
  readonly jobId: string;
  readonly endsAt: number;
  readonly ends: Plan["outsideEnds"] | "cancelled";
}

/** The service that tracked work runs in: what is launched there goes on by itself. */
export class Outside {
  readonly #world: World;
  readonly #operations = new Map<string, Operation>();

  constructor(world: World) {
    this.#world = world;
  }

  /** The same key launches once. */
  launch(key: string, jobId: string, plan: Plan): { readonly op: string } {
    const known = this.#operations.get(key);
    if (known !== undefined) return known.ref;
    const endsAt = this.#world.now + plan.outsideMs;
    const operation = { ref: { op: key }, jobId, endsAt, ends: plan.outsideEnds };
    this.#operations.set(key, operation);
    return operation.ref;
  }

  look(op: string): "open" | "done" | "failed" | "rerun" | "cancelled" {
    const operation = this.#operations.get(op);
    if (operation === undefined) return "failed";
    return operation.endsAt <= this.#world.now ? operation.ends : "open";
  }

  cancel(op: string): void {
    const operation = this.#operations.get(op);
    if (operation === undefined || operation.endsAt <= this.#world.now) return;
    this.#operations.set(op, { ...operation, ends: "cancelled", endsAt: this.#world.now + 500 });
  }

  isProven(ref: unknown): boolean {
    const { op } = ref as { readonly op: string };
    return this.look(op) === "done";
  }

  all(): readonly string[] {
    return [...this.#operations.keys()];
  }
}
