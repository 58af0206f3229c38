import { expectTypeOf } from "vitest";
import { type EventIn, TRANSITIONS } from "../../src/core/job/lifecycle.js";
import type { WriteGuard } from "../../src/core/ports/store.js";

// A legal transition names its edge.
expectTypeOf(TRANSITIONS.PENDING.queued).toEqualTypeOf<"T2">();
expectTypeOf<EventIn<"QUEUED">>().toEqualTypeOf<"recalled" | "claimed" | "failed">();

// @ts-expect-error -- what is not in a queue cannot be claimed
TRANSITIONS.PENDING.claimed satisfies string;
// @ts-expect-error -- what nobody runs cannot be completed
TRANSITIONS.QUEUED.completed satisfies string;
// @ts-expect-error -- no edge leaves a final status
TRANSITIONS.COMPLETED.failed satisfies string;
expectTypeOf<EventIn<"COMPLETED">>().toEqualTypeOf<never>();
expectTypeOf<EventIn<"FAILED">>().toEqualTypeOf<never>();

// @ts-expect-error -- no write on a final record can be asked of a store
export const guard: WriteGuard = { status: "FAILED", version: 3, token: null };
