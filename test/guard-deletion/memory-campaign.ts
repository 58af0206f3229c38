// Takes every guard of the memory store out, one at a time: the entry of a bundle.
import { writeFileSync } from "node:fs";
import type { Verdict } from "./engine.js";
import { conditionMutations, givenMutations } from "./memory-conditions.js";
import { firstFailure, memoryStoreWith } from "./memory-engine.js";

export interface MemoryCampaignResult {
  readonly verdicts: readonly Verdict[];
}

const [out = ""] = process.argv.slice(2);
console.info = () => undefined;
const failure = await firstFailure(await memoryStoreWith(null));
if (failure !== null) throw new Error(`with nothing taken out, "${failure}" fails`);
const verdicts: Verdict[] = [];
for (const mutation of [...givenMutations(), ...conditionMutations()]) {
  const began = performance.now();
  const caughtBy = await firstFailure(await memoryStoreWith(mutation));
  const { key } = mutation;
  verdicts.push({ key, caughtBy, tests: 0, tookMs: performance.now() - began, unreadable: [] });
  console.log(`${caughtBy === null ? "NOT CAUGHT" : "caught"}: ${key} → ${caughtBy ?? "nobody"}`);
}
writeFileSync(out, JSON.stringify({ verdicts } satisfies MemoryCampaignResult));
