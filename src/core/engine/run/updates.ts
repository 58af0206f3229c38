import { monotonicNow } from "../../environment/clock.js";
import { historyOf } from "../../job/history.js";
import type { Definition } from "../../definition.js";
import { type Updates, NO_UPDATES, report } from "../../decide/held.js";
import type { EntryDraft } from "../../decide/change/change.js";
import { PermanentError } from "../../errors/errors.js";
import { hearPromises } from "../../errors/foreign.js";
import { HandlerAborted, type ProgressOptions } from "../../handler.js";
import type { Json } from "../../json/json.js";
import { parseJsonText, toJsonText } from "../../json/json-text.js";
import type { Logger } from "../../environment/logger.js";
import type { JobRecord, Snapshot } from "../../job/record.js";
import { codeOf, type Core } from "../context.js";
import type { HeldClaim } from "./claim.js";
import type { Lease } from "./lease/lease.js";
import { type Counted, newestOf, optionsProblem, ProgressLine, type Spoken } from "./progress.js";
import { stackOf } from "./stack.js";
import { isUnstorable, whyUnstorable } from "../store/unstorable.js";
import { storable } from "./text.js";

/** Drafts that were on their way once: the write under this transition id may have been stored without an answer. */
interface Group {
  readonly transitionId: string;
  readonly drafts: readonly EntryDraft[];
}

/** What one write carries. */
interface Sent {
  readonly groups: readonly Group[];
  readonly phase: string | undefined;
  readonly progress: Counted | null;
  readonly checkpoint: { readonly json: Json } | null;
  readonly waiters: readonly Waiter[];
}

interface Waiter {
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** The news for the record that a write meets. */
type UpdatesFor = (snapshot: Snapshot) => Updates;

interface UpdateWriterParts {
  readonly core: Core;
  readonly claim: HeldClaim;
  readonly lease: Lease;
  readonly definition: Definition;
  readonly leaseMs: number;
  readonly logger: Logger;
}

const LONGEST_WARNING_CODE_CHARS = 128;

/**
 * What a running handler says, on its way to the record. Progress is absolute: the newest replaces what was not written
 * yet, and one write in `progressEveryMs` carries it. Phases and warnings are entries: they are kept in order, leave at
 * once, and travel with the outcome where that comes first. Nothing here ever fails the job.
 */
export class UpdateWriter {
  readonly #parts: UpdateWriterParts;
  #groups: Group[] = [];
  #drafts: EntryDraft[] = [];
  #phase: string | null;
  /** A phase to be written. */
  #nextPhase: string | undefined;
  #progress: Counted | null = null;
  readonly #line: ProgressLine;
  #checkpoint: { readonly json: Json } | null = null;
  #waiters: Waiter[] = [];
  /** Stored before; `null`: not counted yet. Most handlers never warn, and their history is not parsed for it. */
  #warnings: number | null = null;
  /** Said and not checked yet; only the newest is checked. */
  #unchecked: Spoken | null = null;
  #checking: Promise<void> | null = null;
  /** A write is under way, or about to be. */
  #writing = false;
  #underWay: Promise<void> = Promise.resolve();
  #lastWriteAt = Number.NEGATIVE_INFINITY;
  #cancelTimer: (() => void) | null = null;
  #closed = false;
  #toldOfDropped = false;
  /** Something was said, ever: without it nothing can wait or be on its way. */
  #spoken = false;

  constructor(parts: UpdateWriterParts) {
    this.#parts = parts;
    const { record } = parts.claim.snapshot;
    this.#phase = record.phase;
    this.#line = new ProgressLine(parts.core, parts.definition, record);
  }

  phase(name: string, message: string | undefined): void {
    hearPromises([name, message]);
    if (this.#closed) return;
    this.#spoken = true;
    const { definition, core } = this.#parts;
    if (!definition.phases.includes(name)) {
      this.#drop("a phase that the kind does not declare was ignored", { phase: show(name) });
      return;
    }
    // Said again, it is no updates.
    if (name === this.#phase && message === undefined) return;
    const { phases } = definition;
    if (this.#phase !== null && phases.indexOf(name) < phases.indexOf(this.#phase)) {
      this.#drop("a phase was ignored: the job is past it", { phase: show(name) });
      return;
    }
    this.#phase = name;
    this.#nextPhase = name;
    const text = typeof message === "string" ? storable(message, core.policy.maxTextChars) : null;
    this.#draft({ edge: "phase", reason: name, text });
  }

  warn(code: string, message: string): void {
    hearPromises([code, message]);
    if (this.#closed) return;
    this.#spoken = true;
    const { policy } = this.#parts.core;
    if (typeof code !== "string" || typeof message !== "string") {
      this.#drop("a warning without a code and a text was ignored", {});
      return;
    }
    this.#warnings ??= warningsOf(this.#parts.claim.snapshot.record);
    if (this.#warnings >= policy.maxWarnings) {
      this.#drop("a warning was dropped: the job has as many as are kept", { code: show(code) });
      return;
    }
    this.#warnings += 1;
    this.#draft({
      edge: "warning",
      reason: storable(code, LONGEST_WARNING_CODE_CHARS),
      text: storable(message, policy.maxTextChars),
      // Meant for the people who wait, by whoever wrote the handler.
      expose: true,
    });
  }

  progress(value: unknown, options: ProgressOptions = {}): void {
    if (this.#closed) {
      hearPromises(value);
      return;
    }
    this.#spoken = true;
    const problem = optionsProblem(options);
    if (problem !== null) this.#drop("options of a progress were ignored", { problem });
    // As it is now: the handler may go on counting in the same object.
    const text = toJsonText(value, { maxBytes: this.#parts.core.policy.maxProgressBytes });
    if (!text.ok) {
      hearPromises(value);
      this.#drop("a progress that cannot be stored was ignored", { problem: text.message });
      // People look at it and see it stand still: whoever can make it smaller must hear of it.
      if (!this.#toldOfDropped)
        this.warn("progress_dropped", `The progress cannot be stored: ${text.message}.`);
      this.#toldOfDropped = true;
      return;
    }
    this.#unchecked = newestOf(this.#unchecked, text.text, problem === null ? options : {});
    this.#checking ??= this.#check();
  }

  /** Resolves when the value is durable. */
  checkpoint(value: unknown): Promise<void> {
    const stored = this.#checkpointed(value);
    // A handler may go on without it; unheard, its rejection would end the process.
    stored.catch(heard);
    return stored;
  }

  #checkpointed(value: unknown): Promise<void> {
    const text = toJsonText(value, { maxBytes: this.#parts.core.policy.maxCheckpointBytes });
    if (!text.ok) {
      hearPromises(value);
      this.#drop("a checkpoint that cannot be stored was ignored", { problem: text.message });
      return Promise.reject(new PermanentError(`The checkpoint cannot be stored: ${text.message}.`));
    }
    if (this.#closed || this.#parts.claim.lost || this.#parts.lease.expired()) {
      return Promise.reject(
        new HandlerAborted("LeaseLost", "The claim on the job is over; nothing is stored for it."),
      );
    }
    this.#spoken = true;
    this.#checkpoint = { json: parseJsonText(text.text) };
    return new Promise((resolve, reject) => {
      this.#waiters.push({ resolve, reject });
      this.#schedule(0);
    });
  }

  /** Ends the updateWriter: what was said and is not written yet, for the outcome to carry. Made anew for each record it meets. */
  close(): Promise<UpdatesFor> | UpdatesFor {
    this.#closed = true;
    this.#cancelTimer?.();
    // Most handlers say nothing: nothing is waited for.
    return this.#spoken ? this.#leftUnwritten() : () => NO_UPDATES;
  }

  async #leftUnwritten(): Promise<UpdatesFor> {
    await this.#checking;
    // In the middle of a write: what it could not store is taken back first.
    await this.#underWay;
    this.#refuseWaiters("The handler ended before its checkpoint was stored.");
    const left = this.#take(this.#parts.core.ids.transition());
    return (snapshot) => updatesOf(left, snapshot);
  }

  /** A handler that awaits a checkpoint which nobody will write any more would wait for ever, and keep its place. */
  #refuseWaiters(why: string): void {
    for (const waiter of this.#waiters) waiter.reject(new HandlerAborted("LeaseLost", why));
    this.#waiters = [];
  }

  #drop(what: string, fields: Readonly<Record<string, unknown>>): void {
    this.#parts.logger.warn(what, fields);
  }

  #draft(draft: EntryDraft): void {
    // A loop of phases must not fill the memory; no history holds more.
    if (this.#drafts.length >= this.#parts.core.policy.maxHistoryEntries) {
      this.#drop("a phase or warning was dropped: too many wait to be written", {});
      return;
    }
    this.#drafts.push(draft);
    this.#schedule(0);
  }

  async #check(): Promise<void> {
    while (this.#unchecked !== null) {
      const { text, options } = this.#unchecked;
      const json = parseJsonText(text);
      this.#unchecked = null;
      try {
        const checked = await this.#parts.definition.checkProgress(json);
        if (checked.ok) this.#checked(checked.value, options);
        else this.#drop("a progress that does not match the schema was ignored", { issues: checked.issues });
      } catch (error) {
        this.#drop("the schema of progress threw; the progress was ignored", { stack: stackOf(error) });
      }
    }
    this.#checking = null;
  }

  /** What the schema made of it is what is stored: a key that it strips is not. */
  #checked(value: unknown, options: ProgressOptions): void {
    const text = toJsonText(value, { maxBytes: this.#parts.core.policy.maxProgressBytes });
    if (text.ok) this.#accept(parseJsonText(text.text), options);
    else this.#drop("what the schema made of a progress cannot be stored", { problem: text.message });
  }

  #accept(json: Json, options: ProgressOptions): void {
    const counted = this.#line.count(json, options);
    // Progress is what people look at: it does not go back while one worker has the job.
    if (counted === null) return;
    this.#progress = { ...this.#progress, ...counted };
    const { core } = this.#parts;
    this.#schedule(this.#lastWriteAt + core.policy.progressEveryMs - monotonicNow(core.clock));
  }

  #schedule(afterMs: number): void {
    if (this.#closed || this.#writing) return;
    if (afterMs > 0) {
      this.#cancelTimer ??= this.#parts.core.clock.timer(afterMs, () => {
        this.#cancelTimer = null;
        this.#underWay = this.#write();
      });
      return;
    }
    this.#cancelTimer?.();
    this.#cancelTimer = null;
    this.#writing = true;
    // Whatever is said in one turn is one write.
    this.#parts.core.clock.defer(() => {
      this.#underWay = this.#write();
    });
  }

  async #write(): Promise<void> {
    const { core, claim, lease, leaseMs } = this.#parts;
    // After the local deadline nothing is written any more but the outcome, which the store judges.
    if (this.#closed || claim.lost || lease.expired()) {
      this.#writing = false;
      // At the end of the handler `close` speaks to those who still wait.
      if (!this.#closed) this.#refuseWaiters("The claim on the job is over; nothing is stored for it.");
      return;
    }
    this.#writing = true;
    this.#lastWriteAt = monotonicNow(core.clock);
    const transitionId = core.ids.transition();
    const sent = this.#take(transitionId);
    try {
      const applied = await claim.write(
        (snapshot, context) =>
          report(snapshot, { token: claim.token, updates: updatesOf(sent, snapshot), leaseMs }, context),
        { transitionId, extends: true },
      );
      const stored = applied.status === "applied";
      for (const waiter of sent.waiters) {
        if (stored) waiter.resolve();
        else
          waiter.reject(
            new HandlerAborted("LeaseLost", "The claim on the job is over; nothing was stored for it."),
          );
      }
    } catch (error) {
      // What no try will store is said no more: it must not stand in the way of the outcome.
      const isLost = isUnstorable(error);
      if (!isLost) this.#takeBack(sent);
      for (const waiter of sent.waiters)
        waiter.reject(isLost ? new PermanentError(whyUnstorable(error)) : error);
      this.#parts.logger.warn(
        isLost ? "news of a running job cannot be stored" : "news of a running job could not be stored yet",
        { code: codeOf(error) },
      );
    }
    this.#writing = false;
    // What could not be stored is not tried at once: the store is in trouble.
    const urgent = this.#drafts.length > 0 || this.#waiters.length > 0;
    if (urgent || this.#groups.length > 0 || this.#progress !== null) {
      this.#schedule(urgent ? 0 : core.policy.progressEveryMs);
    }
  }

  /** Takes everything that waits, for one write. */
  #take(transitionId: string): Sent {
    const groups = [...this.#groups, { transitionId, drafts: this.#drafts }];
    const sent = {
      groups,
      phase: this.#nextPhase,
      progress: this.#progress,
      checkpoint: this.#checkpoint,
      waiters: this.#waiters,
    };
    this.#groups = [];
    this.#drafts = [];
    this.#nextPhase = undefined;
    this.#progress = null;
    this.#checkpoint = null;
    this.#waiters = [];
    return sent;
  }

  /** What could not be written, or may have been: newer values stay, entries go before those said since. */
  #takeBack(sent: Sent): void {
    this.#groups = [...sent.groups];
    this.#nextPhase ??= sent.phase;
    if (sent.progress !== null) this.#progress = { ...sent.progress, ...this.#progress };
    this.#checkpoint ??= sent.checkpoint;
  }
}

/** The news of one write for the record that it meets: entries that an earlier try has stored after all are left out. */
function updatesOf({ groups, phase, progress, checkpoint }: Sent, { record }: Snapshot): Updates {
  const doubtful = groups.length > 1;
  const stored = doubtful ? new Set(historyOf(record).map((entry) => entry.transitionId)) : new Set();
  const drafts = groups.flatMap((group) => (stored.has(group.transitionId) ? [] : group.drafts));
  return {
    drafts,
    ...(phase === undefined ? {} : { phase }),
    ...(progress === null ? {} : progressUpdates(progress)),
    ...(checkpoint === null ? {} : { checkpoint: checkpoint.json }),
  };
}

function progressUpdates({ json, percent, etaAt }: Counted): Updates {
  return { progress: json, percent, ...(etaAt === undefined ? {} : { etaAt }) };
}

function heard(): void {
  // Whoever awaits it hears of it.
}

function warningsOf(record: JobRecord): number {
  return historyOf(record).filter((entry) => entry.edge === "warning").length;
}

/** A value of the handler's in a log line. */
function show(value: unknown): string {
  return typeof value === "string" ? storable(value, LONGEST_WARNING_CODE_CHARS) : typeof value;
}
