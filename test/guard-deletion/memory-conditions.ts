import { readFileSync } from "node:fs";
import { join } from "node:path";
import { conditionsIn } from "./conditions.js";
import { MEMORY_DELETIONS } from "./memory-deletions.js";
import { MEMORY_FOLDER, type MemoryMutation, placeOf } from "./memory-engine.js";

/** The parts of the memory store that decide what it keeps and what it answers. */
const FILES = ["store-semantics.ts", "store.ts", "store-queries.ts", "store-table.ts"] as const;

/** The deletions that are written down: whole clauses, and what a change writes. */
export function givenMutations(): readonly MemoryMutation[] {
  return MEMORY_DELETIONS.map((deletion) => {
    const source = readFileSync(join(MEMORY_FOLDER, deletion.file), "utf8");
    const { start, end } = placeOf(deletion, source);
    const key = `${deletion.file}: ${deletion.clause} → ${deletion.without}`;
    return { key, file: deletion.file, start, end, text: deletion.without };
  });
}

/** Every condition of the memory store, once as if it always held and once as if it never did. */
export function conditionMutations(): readonly MemoryMutation[] {
  return FILES.flatMap((file) =>
    conditionsIn(file, readFileSync(join(MEMORY_FOLDER, file), "utf8")).flatMap(({ key, start, end }) =>
      ["true", "false"].map((text) => ({ key: `${key} → ${text}`, file, start, end, text })),
    ),
  );
}
