import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { itemBytes } from "../../src/adapters/dynamodb/items/size.js";
import { type Life, live, type MeteredWrite, type RawItem } from "../integration/dynamodb-life.js";
import { dynamoDb, ENGINE } from "../integration/dynamodb-server.js";

const engine = dynamoDb();

const RUNS = Number(process.env["WAYBILL_DYNAMODB_RUNS"] ?? 30);
const TIMEOUT_MS = 30_000 + RUNS * 1_000;

const kbs = (bytes: number): number => Math.ceil(bytes / 1_024);

/** Bytes of the tail in a job's item, with the name of the attribute. */
function tailBytes(item: RawItem | null): number {
  const { inputTail } = item ?? {};
  return inputTail === undefined ? 0 : itemBytes({ inputTail });
}

/** What a write costs by the documented rule: the item before or after it, whichever is larger. */
function unitsOf({ before, after }: MeteredWrite, bytesOf: (item: RawItem) => number): number {
  return Math.max(...[before, after].map((item) => (item === null ? 1 : kbs(bytesOf(item)))));
}

/** What a life's writes cost, and what they would if every input had an item of its own whole. */
function unitsOfLife(writes: readonly MeteredWrite[]): { readonly now: number; readonly undivided: number } {
  const tail = Math.max(0, ...writes.map(({ after }) => tailBytes(after)));
  const value = Math.max(0, tail - "inputTail".length);
  let [now, undivided] = [0, 0];
  for (const write of writes) {
    now += unitsOf(write, itemBytes);
    const isInput = write.after?.["sk"]?.S?.startsWith("input#") === true;
    undivided += unitsOf(write, (item) => itemBytes(item) - tailBytes(item) + (isInput ? value : 0));
  }
  return { now, undivided };
}

/** Inputs about where they are divided. */
const sizes = fc.oneof(fc.integer({ min: 2, max: 4_200 }), {
  weight: 3,
  arbitrary: fc
    .tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: -100, max: 50 }))
    .map(([kb, by]) => kb * 1_024 + by),
});

const textOf = (character: string, bytes: number): string =>
  JSON.stringify(character.repeat(Math.max(0, Math.floor((bytes - 2) / Buffer.byteLength(character)))));

const lives = (characters: readonly string[], failures: number): fc.Arbitrary<Life> =>
  fc.record({
    input: fc
      .tuple(fc.constantFrom(...characters), sizes)
      .map(([character, bytes]) => textOf(character, bytes)),
    output: fc.integer({ min: 2, max: 1_500 }).map((bytes) => textOf("o", bytes)),
    id: fc.oneof(
      fc.constant("0197a5f3-6b1c-7d2e-8f30-a1b2c3d4e5f6"),
      fc.integer({ min: 1, max: 128 }).map((length) => "i".repeat(length)),
    ),
    owner: fc.oneof(fc.constant(13), fc.integer({ min: 1, max: 700 })).map((length) => "o".repeat(length)),
    subject: fc.oneof(fc.constant(19), fc.integer({ min: 1, max: 300 })).map((length) => "s".repeat(length)),
    metadata: fc
      .oneof(fc.constant(2), fc.integer({ min: 1, max: 1_200 }))
      .map((length) => "m".repeat(length)),
    beats: fc.integer({ min: 0, max: 2 }),
    failures: fc.constant(failures),
    scope: fc.constantFrom(undefined, "a".repeat(64)),
  });

/** The emulator counts the digits of a number in pairs about the point, and characters of a text where DynamoDB counts bytes. */
function emulatedBytes(item: RawItem): number {
  const split = Object.values(item).filter(({ N = "1" }) => {
    const digits = N.replace(/0+$/, "").length;
    return digits % 2 === 0 && N.length % 2 === 1;
  });
  return itemBytes(item) + split.length;
}

if (ENGINE !== "dynalite") console.warn("skipped: write units are held against what dynalite reports");
describe.skipIf(ENGINE !== "dynalite")("what is stored of an input", () => {
  async function check(
    characters: readonly string[],
    failures: number,
    look: (life: Life, writes: readonly MeteredWrite[]) => void,
  ) {
    let divided = 0;
    const property = fc.asyncProperty(lives(characters, failures), async (life) => {
      // Every claim is asked for the input, which must be the same.
      const { writes } = await live(await engine(), life);
      if (writes.some(({ after }) => tailBytes(after) > 0)) divided += 1;
      look(life, writes);
    });
    await fc.assert(property, { numRuns: RUNS, seed: 1 });
    expect(divided).toBeGreaterThan(RUNS / 10);
  }

  it(
    "is read back the same, costs what the documented rule says, and never more than undivided",
    { timeout: TIMEOUT_MS },
    async () => {
      await check(["x"], 0, (_life, writes) => {
        for (const write of writes) expect(write.units).toBe(unitsOf(write, emulatedBytes));
        const { now, undivided } = unitsOfLife(writes);
        expect(now).toBeLessThanOrEqual(undivided);
      });
    },
  );

  it("is read back the same in any script", { timeout: TIMEOUT_MS }, async () => {
    await check(["é", "€", "😀"], 0, (_life, writes) => {
      const { now, undivided } = unitsOfLife(writes);
      expect(now).toBeLessThanOrEqual(undivided);
    });
  });

  it("costs hardly more than undivided when an attempt fails", { timeout: TIMEOUT_MS }, async () => {
    let more = 0;
    await check(["x"], 1, ({ beats = 0 }, writes) => {
      const { now, undivided } = unitsOfLife(writes);
      more += now - undivided;
      expect(now).toBeLessThanOrEqual(undivided + 1 + beats);
    });
    expect(more).toBeLessThan(0);
  });
});
