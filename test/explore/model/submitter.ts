import { changeOf, type Emit, found, may, put, send, type World, write } from "./world.js";
import { context, fresh, NOW, TICKS } from "./rules.js";
import type { Snapshot } from "../../../src/core/job/record.js";
import { type Actor, GONE, IDLE, snapshotOf, type State, withMessage, withoutMessage } from "./state.js";

/** Creates the job, sends its first message, marks it queued. Any of it may fail to happen, or to be heard of. */
export function submitterSteps(world: World, state: State, emit: Emit): void {
  const { submitter } = state;
  const to = (next: State, actor: Actor): State => ({ ...next, submitter: actor });
  const crash = (): State => to(state, GONE);
  switch (submitter.at) {
    case "idle":
    case "unsure": {
      const create = (reply: boolean): State => createJob(world, state, reply);
      emit("submitter creates the job", () => create(true));
      if (may(world, "lost reply"))
        emit("submitter creates the job, the reply is lost", () => create(false), true);
      break;
    }
    case "created":
      emit("submitter sends the message", () => to(send(state, 1), { ...submitter, at: "sent" }));
      if (may(world, "send unknown")) {
        emit("submitter's send is in doubt, it was sent", () => to(send(state, 1), GONE), true);
        emit("submitter's send is in doubt, it was not sent", crash, true);
      }
      if (may(world, "send rejected")) {
        emit("submitter's send is rejected", () => to(state, { ...submitter, at: "rejected" }), true);
      }
      break;
    case "sent":
      emit("submitter marks the job queued", () => to(mark(world, state, submitter), GONE));
      break;
    case "rejected":
      emit("submitter writes the rejection", () => {
        const decision = world.rules.rejectSend(submitter.seen!, 1, "too large", context(fresh()));
        const change = changeOf(decision);
        return to(change === null ? state : write(world, state, change, { by: "other" }).state, GONE);
      });
      break;
  }
  if (submitter.at !== "gone" && may(world, "crash")) emit("submitter crashes", crash, true);
}

function createJob(world: World, state: State, reply: boolean): State {
  const { setup, rules, watch } = world;
  const actor = state.submitter.seen === null ? newJob(world, state.submitter) : state.submitter;
  const given = actor.seen!.record;
  const after = reply
    ? { ...actor, at: setup.queue === null ? "gone" : "created" }
    : { ...actor, at: "unsure" };
  const submitter = after.at === "gone" ? GONE : after;
  if (state.row !== null) {
    watch.require(rules.create === "keyed", "S17 one key, one job", "a second job was made");
    const answer = rules.judgeExisting(given, snapshotOf(state.row));
    watch.require(answer === "mine", "S9 answers are true", `its own job is ${answer}`);
    return { ...state, submitter };
  }
  const row = { record: given, cursors: {}, input: "{}", output: null };
  watch.created(row);
  return put(world, { ...state, submitter }, row);
}

function newJob({ setup, rules }: World, actor: Actor): Actor {
  const change = fresh();
  const record = rules.createRecord(
    {
      ...{ id: "job", kind: "kind", owner: null, subject: null, metadata: null, queue: setup.queue },
      ...{
        maxAttempts: 2,
        notifiers: setup.notifier ? ["ui"] : [],
        origin: null,
        scope: null,
        inputHash: null,
      },
      // Nobody else would notice that the application's message got lost.
      deadlineAt: setup.own ? NOW + TICKS.deadline : null,
      ...{ retainMs: 0, delayMs: 0, handOver: setup.own ? "own" : null, trace: null },
    },
    context(change),
  );
  return { ...actor, change, seen: { record, cursors: {} } };
}

/** T2 after a confirmed send, by whoever sent. Losing it is normal. */
export function mark(world: World, state: State, { seen, message }: Actor): State {
  const decision = world.rules.markSent(seen!, message ?? 1, context(fresh()));
  const change = changeOf(decision);
  if (change === null) return state;
  const written = write(world, state, change, { by: "other" });
  const now = found(state);
  if (written.after !== null || now === null) return written.state;
  if (world.rules.mark === "blind") return blindly(world, state, now, message ?? 1);
  // Refused: decided again on the record that came back.
  const second = changeOf(world.rules.markSent(now, message ?? 1, context(fresh())));
  return second === null ? state : write(world, state, second, { by: "other" }).state;
}

/** Whatever is stored is QUEUED now. */
function blindly(world: World, state: State, { record }: Snapshot, dispatch: number): State {
  const { version, token, status } = record;
  if (status === "COMPLETED" || status === "FAILED") return state;
  const pretended = { record: { ...record, status: "PENDING", dispatch } as const, cursors: {} };
  const forced = changeOf(world.rules.markSent(pretended, dispatch, context(fresh())))!;
  const item = { ...forced.item, guard: { status, version, token } };
  return write(world, state, { ...forced, item }, { by: "other" }).state;
}

/** Asks once for the job to be cancelled; asks again when the answer is lost. */
export function cancellerSteps(world: World, state: State, emit: Emit): void {
  const { canceller } = state;
  if (canceller.at === "gone" || !world.setup.cancel || state.row === null) return;
  const to = (next: State, actor: Actor): State => ({ ...next, canceller: actor });
  if (canceller.at === "idle") {
    const { row } = state;
    emit("canceller reads the job", () =>
      to(state, { ...canceller, at: "asking", seen: snapshotOf(row), change: fresh() }),
    );
    return;
  }
  emit("canceller asks", () => ask(world, state, true));
  if (may(world, "lost reply"))
    emit("canceller asks, the reply is lost", () => ask(world, state, false), true);
  if (may(world, "crash")) emit("canceller crashes", () => to(state, GONE), true);
}

function ask(world: World, state: State, reply: boolean): State {
  const { rules, watch } = world;
  const { canceller } = state;
  const change = changeOf(
    rules.cancel(canceller.seen!, { reason: "not wanted" }, context(canceller.change!)),
  );
  if (change === null) return { ...state, canceller: GONE };
  const written = write(world, state, change, { by: "other" });
  if (written.after !== null) {
    watch.require(!canceller.applied, "S8 a change takes effect once", "cancelled twice", state.rolledBack);
    return { ...written.state, canceller: reply ? GONE : { ...canceller, applied: true } };
  }
  if (!reply) return state;
  const now = found(state);
  // No record is no answer: whether the job was cancelled is not known.
  if (now === null) return { ...state, canceller: GONE };
  const happened = rules.recognise(now.record, canceller.seen!.record.version, canceller.change!);
  const is = canceller.applied ? "applied" : "not_applied";
  watch.require(
    happened === "unknown" || happened === is,
    "S9 answers are true",
    `${is}, said ${happened}`,
    state.rolledBack,
  );
  if (happened !== "not_applied") return { ...state, canceller: GONE };
  return { ...state, canceller: { ...canceller, seen: now } };
}

/** Reads dead letters: a job that never ran is handed over again, one that did is failed, every other letter is dropped. */
export function undertakerSteps(world: World, state: State, emit: Emit): void {
  const { undertaker, row } = state;
  if (!world.setup.deadLetters || row === null) return;
  for (const dispatch of state.queue) {
    const queue = withoutMessage(state.queue, dispatch);
    const deadLetters = withMessage(state.deadLetters, dispatch);
    emit(`the queue gives message ${dispatch} up`, () => ({ ...state, queue, deadLetters }), true);
  }
  if (undertaker.at === "idle") {
    for (const dispatch of state.deadLetters) {
      const deadLetters = withoutMessage(state.deadLetters, dispatch);
      const holds = { ...IDLE, at: "holds", message: dispatch, seen: snapshotOf(row) };
      emit(`dead letter ${dispatch} is read`, () => ({ ...state, deadLetters, undertaker: holds }));
    }
    return;
  }
  const dispatch = undertaker.message!;
  emit(`dead letter ${dispatch} is acted upon`, () => {
    const decision = world.rules.deadLetter(undertaker.seen!, dispatch, context(fresh()));
    const change = changeOf(decision);
    if (change === null) return { ...state, undertaker: IDLE };
    const written = write(world, state, change, { by: "dead letter" });
    if (written.after !== null) return { ...written.state, undertaker: IDLE };
    return { ...state, undertaker: { ...undertaker, seen: found(state) ?? undertaker.seen } };
  });
  if (may(world, "crash")) {
    const deadLetters = withMessage(state.deadLetters, dispatch);
    emit("dead letter handler crashes", () => ({ ...state, deadLetters, undertaker: IDLE }), true);
  }
}
