import { expectTypeOf } from "vitest";
import type { Core } from "../../src/core/engine/context.js";

type Gateway = Core["gateway"];
/** What changes a record. */
type Writing = "create" | "write" | "beat" | "claim" | "advance";

// A way to write that goes past the batches, their guards and their telemetry does not compile.
expectTypeOf<Extract<keyof Gateway["store"], Writing>>().toEqualTypeOf<never>();
expectTypeOf<Extract<keyof Parameters<Parameters<Gateway["call"]>[1]>[0], Writing>>().toEqualTypeOf<never>();
expectTypeOf<Gateway["store"]>().toHaveProperty("health");
