import { Environment, type EnvironmentSettings } from "./environment.js";
import type { Outcome } from "./outcome.js";
import { runtimeClient } from "./runtime-client.js";

export interface FunctionOptions extends Omit<EnvironmentSettings, "client" | "log" | "timeoutMs"> {
  /** @default 30_000 // 30 s */
  readonly timeoutMs?: number;
  /** Reserved concurrency: most environments at a time. An invocation beyond is throttled. @default 10 */
  readonly mostEnvironments?: number;
  readonly log?: (line: string) => void;
}

/** A function as Lambda runs it: environments that are made when they are needed, used again, and frozen between. */
export class LambdaFunction {
  /** What became of each invocation, in order of their ends. */
  readonly outcomes: Outcome[] = [];
  readonly #client: string;
  readonly #most: number;
  #settings: EnvironmentSettings;
  #environments: Environment[] = [];
  readonly #retired = new Set<Environment>();

  private constructor(client: string, options: FunctionOptions) {
    const { timeoutMs = 30_000, mostEnvironments = 10, log = () => undefined, ...settings } = options;
    this.#client = client;
    this.#most = mostEnvironments;
    this.#settings = { ...settings, client, timeoutMs, log };
  }

  static async create(options: FunctionOptions): Promise<LambdaFunction> {
    return new LambdaFunction(await runtimeClient(), options);
  }

  /** Those that run something now. */
  get busy(): readonly Environment[] {
    return this.#environments.filter(({ isFree, isOver }) => !isFree && !isOver);
  }

  async invoke(event: unknown): Promise<Outcome> {
    const outcome = await this.#invoke(event);
    this.outcomes.push(outcome);
    return outcome;
  }

  /** New code: what runs goes on to its end, every later invocation begins in a new environment. */
  deploy(change: Partial<Pick<EnvironmentSettings, "folder" | "handler" | "environment">>): void {
    this.#settings = { ...this.#settings, ...change, client: this.#client };
    for (const environment of this.#environments) this.#retired.add(environment);
    this.#environments = [];
  }

  async close(): Promise<void> {
    await Promise.all([...this.#environments, ...this.#retired].map((environment) => environment.kill()));
  }

  async #invoke(event: unknown): Promise<Outcome> {
    this.#environments = this.#environments.filter(({ isOver }) => !isOver);
    let environment = this.#environments.find(({ isFree }) => isFree);
    if (environment === undefined) {
      if (this.#environments.length >= this.#most) return { status: "throttled" };
      environment = new Environment(this.#settings);
      this.#environments.push(environment);
    }
    return environment.invoke(event);
  }
}
