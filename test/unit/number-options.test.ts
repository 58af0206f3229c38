// Every number that an entry takes: what no engine keeps is refused where it is given, by a sentence that names it.
import { describe, expect, it } from "vitest";
import { ENTRIES } from "./option-entries.js";

const isNumber = (name: string): boolean =>
  /(Ms|Bytes|Units)$|^(max[A-Z]\w*|limit|concurrency|prefetch|shards|duplicate|loss|reorder|redelivery)$/.test(
    name,
  );

const BAD: Readonly<Record<string, unknown>> = {
  NaN: Number.NaN,
  infinite: Number.POSITIVE_INFINITY,
  negative: -1,
  "a fraction": 1_000.5,
  absurd: 1e18,
  "the highest safe integer": Number.MAX_SAFE_INTEGER,
  "a text": "5000",
  "a bigint": 5_000n,
};

/** What means "for ever", or that there is no limit. */
const ALLOWED = new Set([
  "retainMs infinite",
  "maxBodyBytes the highest safe integer",
  "maxWaits the highest safe integer",
]);

const NUMBERS = ENTRIES.flatMap((entry) => entry.known.filter(isNumber).map((name) => ({ ...entry, name })));

describe.each(NUMBERS)("$name of $what", ({ what, name, base, call }) => {
  it.each(Object.entries(BAD).filter(([bad]) => !ALLOWED.has(`${name} ${bad}`)))(
    "is refused when it is %s",
    async (_, value) => {
      const giving = async () => {
        const answer: unknown = await call({ ...base, [name]: value } as never);
        return answer;
      };
      await expect(giving(), what).rejects.toMatchObject({
        code: "config.invalid",
        message: expect.stringContaining(name) as string,
      });
    },
  );
});
