import type fc from "fast-check";
import type { ModelWorld } from "./world.js";
import { changing } from "./changing.js";
import { looking } from "./looking.js";
import { taking } from "./taking.js";

/** What can be asked of a store, with arguments that mean something in every state. */
export interface Ask<Args> {
  readonly args: fc.Arbitrary<Args>;
  run(world: ModelWorld, args: Args): Promise<void>;
}

/** One call, as fast-check runs, prints and shrinks it. */
class Command<Args> implements fc.AsyncCommand<object, ModelWorld> {
  readonly #name: string;
  readonly #ask: Ask<Args>;
  readonly #args: Args;

  constructor(name: string, ask: Ask<Args>, args: Args) {
    this.#name = name;
    this.#ask = ask;
    this.#args = args;
  }

  check(): boolean {
    return true;
  }

  async run(_model: object, world: ModelWorld): Promise<void> {
    await this.#ask.run(world, this.#args);
    await world.compare();
  }

  toString(): string {
    return `${this.#name} ${JSON.stringify(this.#args)}`;
  }
}

function command<Args>(name: string, ask: Ask<Args>): fc.Arbitrary<fc.AsyncCommand<object, ModelWorld>> {
  return ask.args.map((args) => new Command(name, ask, args));
}

/** Every call of the port that concerns jobs or messages; those that change the most come more often. */
export const COMMANDS: readonly fc.Arbitrary<fc.AsyncCommand<object, ModelWorld>>[] = [
  command("create", changing.create),
  command("create", changing.create),
  command("create", changing.create),
  command("create", changing.create),
  ...Array.from({ length: 8 }, () => command("write", changing.write)),
  command("beat", changing.beat),
  command("beat", changing.beat),
  command("advance", changing.advance),
  command("advance", changing.advance),
  ...Array.from({ length: 5 }, () => command("claim", taking.claim)),
  command("claim next", taking.claimNext),
  command("claim next", taking.claimNext),
  command("take due", taking.takeDue),
  command("purge", taking.purge),
  command("time passes", taking.pass),
  command("read", looking.read),
  command("list", looking.list),
  command("by reference", looking.byRef),
  command("park", looking.park),
  command("health", looking.health),
];
