import type { Job } from "../../src/core/api/job.js";
import type { SubmitOptions } from "../../src/core/api/submit.js";
import type { Waybill } from "../../src/core/api/waybill.js";
import { isWaybillError } from "../../src/core/errors/errors.js";
import type { Result } from "../../src/core/errors/result.js";
import type { JobLog } from "../simulate/job-log.js";
import type { Kind, Plan } from "../simulate/kinds.js";
import type { SimulatedProcess } from "../simulate/process.js";
import type { StoredRow } from "../../src/adapters/memory/store-semantics.js";
import type { Bench } from "./bench.js";

type Running = Waybill<Kind>;
type Refusal = { readonly code: string } & Error;
interface Shown {
  readonly id: string;
  readonly status: string;
  readonly version: number;
}

/** What became of one call. `gone`: the process that made it crashed meanwhile. */
export type Answer<T> =
  | { readonly status: "ok"; readonly value: T }
  | { readonly status: "refused"; readonly code: string }
  | { readonly status: "unknown" | "not_applied" | "gone" };

/** A caller asks again so often before it gives up. */
const MOST_TRIES = 25;
const AGAIN_MS = 400;

const QUICK: Plan = {
  call: 1,
  stepsMs: [],
  failures: 0,
  ending: "done",
  deaf: false,
  outsideMs: 0,
  outsideEnds: "done",
};

/** What the application does in a scenario; every answer that it gets is held against what is stored. */
export class Stage {
  readonly bench: Bench;
  /** Each call that ended with doubt. */
  doubts = 0;
  #calls = 0;

  constructor(bench: Bench) {
    this.bench = bench;
  }

  get first(): SimulatedProcess {
    return this.bench.first;
  }

  get second(): SimulatedProcess {
    return this.bench.second;
  }

  row(id: string): StoredRow | undefined {
    return this.bench.store.rows.get(id);
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.bench.world.after(ms, null, resolve);
    });
  }

  /** Waits until something is stored; the world goes on as long as it needs. */
  async until(holds: () => boolean, mostMs = 60_000): Promise<boolean> {
    for (let waited = 0; waited < mostMs; waited += 50) {
      if (holds()) return true;
      await this.sleep(50);
    }
    return false;
  }

  status(id: string): string | null {
    return this.row(id)?.record.status ?? null;
  }

  isFinal(id: string): boolean {
    const status = this.status(id);
    return status === "COMPLETED" || status === "FAILED";
  }

  /** A job of its own id, or of an idempotency key, submitted until the caller knows. */
  submit<D extends Kind>(
    def: D,
    plan: Partial<Plan> = {},
    options: SubmitOptions = { id: "job-1" },
    by = this.first,
  ): Promise<Answer<Job<D>>> {
    return this.insist<Job<D>>(
      "submit",
      by,
      (waybill, actor) => waybill.submit(def, { ...QUICK, ...plan }, { ...options, actor }),
      (log) => log.entries[0]?.edge === "T1",
    );
  }

  cancel(id: string, by = this.first): Promise<Answer<Shown>> {
    return this.insist(
      "cancel",
      by,
      (waybill, actor) => waybill.cancel(id, { actor, reason: "not needed" }),
      (log) => log.entries.some(({ edge, reason }) => edge === "cancel" || reason === "cancelled"),
    );
  }

  /** Asks until there is an answer without doubt, of whichever process is there. */
  async insist<T extends Shown>(
    name: string,
    by: SimulatedProcess,
    call: (waybill: Running, actor: string) => Promise<Result<T, Refusal>>,
    holds: (log: JobLog) => boolean,
  ): Promise<Answer<T>> {
    let answer: Answer<T> = { status: "gone" };
    for (let tries = 0; tries < MOST_TRIES; tries += 1) {
      answer = await this.ask(name, this.bench.alive(by), call, holds);
      if (answer.status === "ok" || answer.status === "refused") return answer;
      await this.sleep(AGAIN_MS);
    }
    this.bench.world.fail("L9", `${name} had no clear answer in ${String(MOST_TRIES)} tries`);
    return answer;
  }

  /** One call; its answer, or its error, must be true of what is stored. */
  async ask<T extends Shown>(
    name: string,
    by: SimulatedProcess,
    call: (waybill: Running, actor: string) => Promise<Result<T, Refusal>>,
    holds: (log: JobLog) => boolean,
  ): Promise<Answer<T>> {
    const { waybill } = by;
    if (waybill === null) return { status: "gone" };
    const { answers, world } = this.bench;
    this.#calls += 1;
    const actor = `${name}:${String(this.#calls)}`;
    world.trace(`${by.name} calls ${actor}`);
    const gone = new Promise<Answer<T>>((resolve) => {
      this.bench.onCrash(by, () => {
        resolve({ status: "gone" });
      });
    });
    const asked = call(waybill, actor).then(
      (result): Answer<T> => {
        world.trace(`${actor} is answered ${result.ok ? result.value.status : result.error.code}`);
        if (!result.ok) {
          answers.denied(actor, result.error.code);
          return { status: "refused", code: result.error.code };
        }
        answers.accepted(actor, result.value, holds);
        return { status: "ok", value: result.value };
      },
      (error: unknown): Answer<T> => {
        this.doubts += 1;
        answers.thrown(actor, actor, error);
        const sure = isWaybillError(error) && error.outcome === "not_applied";
        return { status: sure ? "not_applied" : "unknown" };
      },
    );
    return Promise.race([asked, gone]);
  }

  /** A read, as often as it needs: `null` where nobody answered. */
  async look<T>(
    name: string,
    by: SimulatedProcess,
    call: (waybill: Running) => Promise<T>,
  ): Promise<T | null> {
    for (let tries = 0; tries < MOST_TRIES; tries += 1) {
      const process = this.bench.alive(by);
      const { waybill } = process;
      if (waybill !== null) {
        const gone = new Promise<null>((resolve) => {
          this.bench.onCrash(process, () => {
            resolve(null);
          });
        });
        const asked = call(waybill).then(
          (value) => ({ value }),
          (error: unknown) => {
            this.bench.answers.thrown(name, null, error);
            return null;
          },
        );
        const found = await Promise.race([asked, gone]);
        if (found !== null) return found.value;
      }
      await this.sleep(AGAIN_MS);
    }
    this.bench.world.fail("L9", `${name} had no answer in ${String(MOST_TRIES)} tries`);
    return null;
  }

  /** Stops a process in good order, or finds that it is gone. */
  stop(process: SimulatedProcess): Promise<void> {
    return new Promise((resolve) => {
      if (process.waybill === null) {
        resolve();
        return;
      }
      this.bench.onCrash(process, resolve);
      process.stop(resolve);
    });
  }
}
