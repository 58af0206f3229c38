import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ClientFrame } from "../../src/core/wire/live.js";
import type { LiveChanges } from "../../src/transports/websocket/aim.js";
import {
  beginSession,
  type SessionEffect,
  type SessionInput,
  type SessionState,
  stepSession,
  wantsChanges,
} from "../../src/transports/websocket/session.js";

const KINDS = ["ingest", "mail"];
const text = fc.constantFrom("ann", "bea", "self", "any", "ingest", "secret", "*");
const subscriptionId = fc.constantFrom("s1", "s2", "s3");

const frame: fc.Arbitrary<ClientFrame | null> = fc.oneof(
  fc.constant(null),
  fc.record({ type: fc.constantFrom("init" as const, "renew" as const), token: text }),
  fc.record({ type: fc.constant("unsubscribe" as const), id: subscriptionId }),
  fc.record({ type: fc.constant("ping" as const) }),
  fc.record({
    type: fc.constant("subscribe" as const),
    id: subscriptionId,
    known: fc.dictionary(text, fc.nat(9), { maxKeys: 3 }),
    filter: fc.oneof(
      fc.constant(null),
      fc.record({ jobId: text }),
      fc.record({
        owner: fc.constantFrom("self" as const, "any" as const),
        subject: text,
        limit: fc.integer({ min: 1, max: 200 }),
      }),
    ),
  }),
);
const view = fc.record({
  id: text,
  version: fc.nat(9),
  status: fc.constantFrom("PENDING" as const, "COMPLETED" as const),
  text: fc.constantFrom("", "x".repeat(50_000)),
});
const changes: fc.Arbitrary<LiveChanges> = fc.record({
  jobs: fc.array(view, { maxLength: 8 }),
  gone: fc.array(text, { maxLength: 3 }),
  snapshot: fc.boolean(),
  reset: fc.boolean(),
});
const principal = fc.option(
  fc.record({ owner: fc.constantFrom("ann", "bea"), sees: fc.constantFrom("own" as const, "all" as const) }),
);
const input: fc.Arbitrary<SessionInput> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ type: fc.constant("frame" as const), frame }) },
  fc.record({ type: fc.constant("authorized" as const), principal }),
  {
    weight: 4,
    arbitrary: fc.record({
      type: fc.constant("changes" as const),
      room: fc.integer({ min: 1, max: 5 }),
      changes,
    }),
  },
  fc.record({ type: fc.constant("broken" as const), room: fc.integer({ min: 1, max: 5 }) }),
  fc.record({ type: fc.constant("buffered" as const), bytes: fc.constantFrom(0, 1_000, 300_000, 2_000_000) }),
  fc.record({ type: fc.constant("alive" as const) }),
  fc.record({ type: fc.constant("tick" as const) }),
);
const steps = fc.array(fc.record({ input, afterMs: fc.constantFrom(0, 10, 1_000, 31_000) }), {
  maxLength: 60,
});

interface Trace {
  readonly state: SessionState;
  readonly input: SessionInput;
  readonly effects: readonly SessionEffect[];
}

function run(
  begun: ReturnType<typeof beginSession>,
  given: readonly { input: SessionInput; afterMs: number }[],
) {
  let { state } = begun;
  let now = 0;
  const traces: Trace[] = [];
  for (const { input: each, afterMs } of given) {
    // Nobody is asked who they are twice at once, and nobody answers unasked.
    if (each.type === "authorized" && state.authorizing === null) continue;
    if (each.type === "changes" && !wantsChanges(state, each.room)) continue;
    now += afterMs;
    const step = stepSession(state, each, now);
    traces.push({ state, input: each, effects: step.effects });
    state = step.state;
  }
  return { traces, state };
}

describe("a session, whatever comes", () => {
  it("shows nobody more than the credential allows", () => {
    fc.assert(
      fc.property(principal, steps, (who, given) => {
        const { traces } = run(beginSession(KINDS, who, 0), given);
        for (const { state, input: each, effects } of traces) {
          for (const effect of effects) {
            if (effect.type !== "observe") continue;
            const known = each.type === "authorized" ? each.principal : state.principal;
            expect(known).not.toBeNull();
            if (known?.sees !== "all") expect(effect.aim.owner).toBe(known?.owner);
            expect(effect.aim.kind.every((kind) => KINDS.includes(kind))).toBe(true);
          }
        }
      }),
    );
  });

  it("keeps its bounds, closes once, and lets go of every room", () => {
    fc.assert(
      fc.property(principal, steps, (who, given) => {
        const { traces, state } = run(beginSession(KINDS, who, 0), given);
        const effects = traces.flatMap((trace) => trace.effects);
        const rooms = new Set<number>();
        let isClosed = false;
        for (const effect of effects) {
          // After a close nothing is done.
          expect(isClosed).toBe(false);
          if (effect.type === "observe") rooms.add(effect.room);
          if (effect.type === "unobserve") rooms.delete(effect.room);
          if (effect.type === "close") isClosed = true;
        }
        expect(isClosed).toBe(state.isClosed);
        expect(rooms).toEqual(new Set([...state.subscriptions.values()].map(({ room }) => room)));
        expect(state.outbox.length).toBeLessThanOrEqual(state.subscriptions.size);
      }),
    );
  });

  it("holds changes back above 256 KiB, in order and whole, and loses none", () => {
    fc.assert(
      fc.property(fc.array(changes, { minLength: 1, maxLength: 12 }), (batches) => {
        const begun = beginSession(KINDS, { owner: "ann" }, 0);
        const subscribe: ClientFrame = {
          type: "subscribe",
          id: "s1",
          filter: { owner: "self", limit: 9 },
          known: {},
        };
        let { state } = stepSession(begun.state, { type: "frame", frame: subscribe }, 0);
        let waiting = 0;
        const sent: string[] = [];
        const step = (each: SessionInput): void => {
          const next = stepSession(state, each, 0);
          state = next.state;
          for (const effect of next.effects) {
            if (effect.type !== "send") continue;
            // Nothing is added to more than that, but to nothing.
            if (waiting > 0) expect(waiting + effect.text.length).toBeLessThanOrEqual(256 * 1024);
            waiting += effect.text.length;
            sent.push(effect.text);
          }
        };
        for (const batch of batches) {
          while (!wantsChanges(state, 1)) {
            waiting = 0;
            step({ type: "buffered", bytes: 0 });
          }
          step({ type: "changes", room: 1, changes: batch });
        }
        while (!wantsChanges(state, 1)) {
          waiting = 0;
          step({ type: "buffered", bytes: 0 });
        }
        const frames = sent.map((each) => JSON.parse(each) as LiveChanges & { readonly more?: boolean });
        expect(frames.flatMap(({ jobs }) => jobs)).toEqual(batches.flatMap(({ jobs }) => jobs));
        expect(frames.flatMap(({ gone }) => gone)).toEqual(batches.flatMap(({ gone }) => gone));
        expect(frames.filter(({ more }) => more !== true)).toHaveLength(batches.length);
      }),
      { numRuns: 50 },
    );
  });
});

describe("a session in which nothing moves", () => {
  it("is closed with 1013 after 30 s, or above 1 MiB", () => {
    const { state } = beginSession(KINDS, { owner: "ann" }, 0);
    const stuck = stepSession(state, { type: "buffered", bytes: 1_000 }, 0).state;
    expect(stepSession(stuck, { type: "tick" }, 20_000).effects).toEqual([]);
    expect(stepSession(stuck, { type: "tick" }, 30_000).effects).toEqual([{ type: "close", code: 1013 }]);
    const moved = stepSession(stuck, { type: "buffered", bytes: 900 }, 20_000).state;
    expect(stepSession(moved, { type: "tick" }, 49_000).state.isClosed).toBe(false);
    const full = stepSession(state, { type: "buffered", bytes: 1024 * 1024 + 1 }, 0);
    expect(full.effects).toEqual([{ type: "close", code: 1013 }]);
  });
});
