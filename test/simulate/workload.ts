import type { Waybill } from "../../src/core/api/waybill.js";
import { isWaybillError } from "../../src/core/errors/errors.js";
import type { Answers, Told } from "./answers.js";
import { answerOf } from "./handlers.js";
import type { JobLog } from "./job-log.js";
import { type Kind, KINDS, OUTSIDE, type Plan } from "./kinds.js";
import type { Outside } from "./outside.js";
import type { World } from "./world.js";

export interface WorkloadParts {
  readonly world: World;
  readonly answers: Answers;
  readonly outside: Outside;
  readonly logs: ReadonlyMap<string, JobLog>;
}

/** A process that calls are made in. */
export interface Caller {
  readonly name: string;
  readonly waybill: Waybill<Kind>;
}

type Call = (caller: Caller, actor: string) => Promise<void>;

const OWNERS = ["alice", "bob", null] as const;

/** What applications ask of the library, drawn by chance; every answer is judged. */
export class Workload {
  readonly #parts: WorkloadParts;
  readonly #calls: readonly (readonly [weight: number, name: string, call: Call])[];
  #made = 0;

  constructor(parts: WorkloadParts) {
    this.#parts = parts;
    this.#calls = [
      [34, "submit", (caller, actor) => this.#submit(caller, actor)],
      [4, "submitMany", (caller, actor) => this.#submitMany(caller, actor)],
      [9, "cancel", (caller, actor) => this.#cancel(caller, actor)],
      [5, "rerun", (caller, actor) => this.#rerun(caller, actor)],
      [8, "report", (caller) => this.#report(caller)],
      [6, "get", (caller) => this.#get(caller)],
      [4, "list", (caller) => this.#list(caller)],
      [2, "latest", (caller) => this.#latest(caller)],
      [2, "history", (caller) => this.#history(caller)],
      [6, "watch", (caller) => this.#watch(caller)],
      [3, "result", (caller) => this.#result(caller)],
      [2, "recall", (caller, actor) => this.#recall(caller, actor)],
      [2, "dispatch", (caller) => this.#dispatch(caller)],
      [2, "reconcile", (caller) => caller.waybill.reconcile({ budgetMs: 2_000 }).then(() => undefined)],
      [1, "undelivered", (caller) => caller.waybill.undelivered().then(() => undefined)],
      [1, "health", (caller) => caller.waybill.health().then(() => undefined)],
    ];
  }

  /** Makes one call by chance. */
  call(caller: Caller): void {
    const { world, answers } = this.#parts;
    let position = world.random() * this.#calls.reduce((sum, [weight]) => sum + weight, 0);
    const drawn = this.#calls.find(([weight]) => (position -= weight) < 0);
    if (drawn === undefined) return;
    const [, name, call] = drawn;
    this.#made += 1;
    const actor = `${name}:${String(this.#made)}`;
    world.trace(`${caller.name} calls ${actor}`);
    call(caller, actor).catch((error: unknown) => {
      answers.thrown(actor, actor, error);
    });
  }

  #anyId(): string | null {
    const ids = [...this.#parts.logs.keys()].slice(-25);
    return ids.length === 0 ? null : this.#parts.world.pick(ids);
  }

  #plan(): Plan {
    const { world } = this.#parts;
    const long = world.chance(0.15);
    const steps = Array.from({ length: world.between(0, 3) }, () => world.between(1, long ? 9_000 : 900));
    return {
      call: world.chance(0.02) ? -1 : this.#made,
      stepsMs: steps,
      failures: world.chance(0.3) ? world.between(1, 3) : 0,
      ending: world.chance(0.8) ? (world.chance(0.6) ? "track" : "done") : world.pick(["permanent", "retry"]),
      deaf: world.chance(0.2),
      outsideMs: world.between(0, 12_000),
      outsideEnds: world.chance(0.8) ? "done" : world.pick(["failed", "rerun"]),
    };
  }

  #options() {
    const { world } = this.#parts;
    return {
      owner: world.pick(OWNERS),
      ...(world.chance(0.25) ? { idempotencyKey: `key-${String(world.between(1, 6))}` } : {}),
      ...(world.chance(0.15) ? { delayMs: world.between(1, 8_000) } : {}),
      ...(world.chance(0.1) ? { deadlineMs: world.between(200, 20_000) } : {}),
    };
  }

  async #submit({ waybill }: Caller, actor: string): Promise<void> {
    const { world, answers } = this.#parts;
    const options = this.#options();
    // The same key twice means now the same work, now another.
    const keyed = "idempotencyKey" in options && world.chance(0.5);
    const input = keyed ? { ...this.#plan(), ...FIXED } : this.#plan();
    const result = await waybill.submit(world.pick(KINDS), input, { ...options, actor });
    if (result.ok) answers.accepted(actor, result.value, (log) => log.entries[0]?.edge === "T1");
    else answers.denied(actor, result.error.code);
  }

  async #submitMany({ waybill }: Caller, actor: string): Promise<void> {
    const { world, answers } = this.#parts;
    const items = Array.from({ length: world.between(2, 5) }, (_, index) => ({
      ...this.#options(),
      input: this.#plan(),
      actor: `${actor}/${String(index)}`,
    }));
    const results = await waybill.submitMany(world.pick(KINDS), items);
    for (const [index, result] of results.entries()) {
      if (result.ok) answers.accepted(actor, result.value, (log) => log.entries[0]?.edge === "T1");
      else answers.denied(`${actor}/${String(index)}`, result.error.code);
    }
  }

  async #cancel({ waybill }: Caller, actor: string): Promise<void> {
    const id = this.#anyId();
    if (id === null) return;
    const result = await waybill.cancel(id, { actor, reason: "not needed" });
    if (!result.ok) {
      this.#parts.answers.denied(actor, result.error.code);
      return;
    }
    this.#parts.answers.accepted(actor, result.value, (log) =>
      log.entries.some(({ edge, reason }) => edge === "cancel" || reason === "cancelled"),
    );
  }

  async #rerun({ waybill }: Caller, actor: string): Promise<void> {
    const id = this.#anyId();
    if (id === null) return;
    const result = await waybill.rerun(id, { actor });
    if (result.ok)
      this.#parts.answers.accepted(actor, result.value, (log) => log.entries[0]?.actor === actor);
    else this.#parts.answers.denied(actor, result.error.code);
  }

  async #report({ waybill }: Caller): Promise<void> {
    const { world, outside, answers } = this.#parts;
    const operations = outside.all().slice(-10);
    if (operations.length === 0) return;
    const op = world.pick(operations);
    const result = await waybill.report(world.pick(OUTSIDE), { ref: { op } }, answerOf(outside.look(op), op));
    if (result.ok) answers.told("report", result.value);
  }

  async #get({ waybill }: Caller): Promise<void> {
    const id = this.#anyId();
    if (id === null) return;
    const { world, answers, logs } = this.#parts;
    const seen = Math.max(0, ...(logs.get(id)?.statuses.keys() ?? []));
    const job = await waybill.get(id);
    const log = logs.get(id);
    if (log === undefined || log.lostWrites || log.purged) return;
    if (job === null) world.fail("S9", `get did not find ${id}`);
    else if (answers.told("get", job) && job.version < seen) {
      world.fail("S9", `get of ${id} gave version ${String(job.version)} after ${String(seen)} was stored`);
    }
  }

  async #list({ waybill }: Caller): Promise<void> {
    const { world, answers } = this.#parts;
    const owner = world.pick(["alice", "bob", null] as const);
    const page = await waybill.list({ owner, limit: 20 });
    for (const job of page.items) {
      if (job.owner !== owner)
        world.fail("S19", `a list of ${String(owner)} showed a job of ${String(job.owner)}`);
      answers.told("list", job);
    }
  }

  async #latest({ waybill }: Caller): Promise<void> {
    const { world } = this.#parts;
    const owner = world.pick(["alice", "bob"] as const);
    const subject = `subject:${String(world.between(0, 3))}`;
    const job = await waybill.latest(KINDS[2], subject, { owner });
    if (job !== null && (job.owner !== owner || job.subject !== subject)) {
      world.fail("S19", `latest of ${owner} and ${subject} showed another's job`);
    }
  }

  async #history({ waybill }: Caller): Promise<void> {
    const id = this.#anyId();
    if (id === null) return;
    const found = await waybill.history(id);
    let last = 0;
    for (const { version } of found?.events ?? []) {
      if (version <= last)
        this.#parts.world.fail("S4", `the history of ${id} does not rise at ${String(version)}`);
      last = version;
    }
  }

  async #watch({ waybill, name }: Caller): Promise<void> {
    const id = this.#anyId();
    if (id === null) return;
    const { world, answers, logs } = this.#parts;
    let last: Told | null = null;
    try {
      for await (const job of waybill.watch(id)) {
        const log = answers.told(`${name} watch`, job);
        if (log?.lostWrites !== true && last !== null && job.version <= last.version) {
          world.fail("S15", `a watcher of ${id} saw ${String(job.version)} after ${String(last.version)}`);
        }
        last = job;
      }
    } catch (error) {
      if (!isWaybillError(error)) throw error;
      return;
    }
    if (last !== null && !FINAL.has(last.status))
      world.fail("S15", `a watcher of ${id} ended at ${last.status}`);
    if (logs.get(id) === undefined) world.fail("S11", `${id} was watched and never stored`);
  }

  async #result({ waybill }: Caller): Promise<void> {
    const id = this.#anyId();
    if (id === null) return;
    const { world, logs } = this.#parts;
    const job = await waybill.get(id);
    if (job === null) return;
    const kind = KINDS.find((each) => each.kind === job.kind);
    if (kind === undefined) return;
    const output = await waybill.result(kind, id, { timeoutMs: 20_000 });
    const log = logs.get(id);
    if (typeof output !== "string") world.fail("S13", `the result of ${id} has no output`);
    const completed = log?.entries.some(({ edge }) => edge === "T5") === true;
    if (!completed && log?.lostWrites !== true) world.fail("S9", `a result of ${id}, which is not COMPLETED`);
  }

  async #recall({ waybill }: Caller, actor: string): Promise<void> {
    const id = this.#anyId();
    if (id === null) return;
    const result = await waybill.recall(id, { actor });
    if (!result.ok) this.#parts.answers.denied(actor, result.error.code);
  }

  async #dispatch({ waybill }: Caller): Promise<void> {
    const id = this.#anyId();
    if (id === null) return;
    const result = await waybill.dispatch(id);
    if (result.ok) this.#parts.answers.told("dispatch", result.value);
  }
}

const FINAL: ReadonlySet<string> = new Set(["COMPLETED", "FAILED"]);
/** Makes two inputs equal. */
const FIXED: Plan = {
  call: 1,
  stepsMs: [300],
  failures: 0,
  ending: "done",
  deaf: false,
  outsideMs: 0,
  outsideEnds: "done",
};
