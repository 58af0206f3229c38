import { describe, expect, it } from "vitest";
import { keyOf } from "../../src/adapters/dynamodb/client/client.js";
import type { PayloadPlace } from "../../src/adapters/dynamodb/items/reader.js";
import { jobKey, payloadKey } from "../../src/adapters/dynamodb/names.js";
import {
  placeAttributes,
  placeOfInput,
  placeOfOutput,
} from "../../src/adapters/dynamodb/items/payload-place.js";
import { itemBytes, utf8 } from "../../src/adapters/dynamodb/items/size.js";

const KB = 1_024;
const ID = "0197a5f3-6b1c-7d2e-8f30-a1b2c3d4e5f6";
/** What a job is known to grow by. */
const LIFE_BYTES = 320;

const kbs = (bytes: number): number => Math.ceil(bytes / KB);

const jobBytes = (record: string, at: PayloadPlace): number =>
  itemBytes({ ...keyOf(jobKey(ID)), metadata: { S: record }, ...placeAttributes("input", at) });

const ownBytes = (text: string): number =>
  itemBytes({ ...keyOf(payloadKey(ID, "input", "12345678")), input: { S: text } });

const place = (text: string, record = ""): PayloadPlace =>
  placeOfInput(ID, text, { metadata: { S: record } });

const tailOf = (text: string, record = ""): string | null => {
  const at = place(text, record);
  return "inline" in at ? null : at.tail;
};

/** The whole KBs that an input fills with the 59 bytes of its key and names. */
const FULL = [1, 2, 3, 50].map((whole) => whole * KB - 59);

describe("the place of an input", () => {
  it("is the job's own item up to 200 bytes, and one of its own beyond", () => {
    expect(place("x".repeat(200))).toEqual({ inline: "x".repeat(200) });
    expect(place("é".repeat(100))).toEqual({ inline: "é".repeat(100) });
    for (const text of ["x".repeat(201), "é".repeat(101), "x".repeat(965)]) expect(tailOf(text)).toBe("");
  });

  it.each(FULL)("is divided right behind %i bytes, up to 100 bytes beyond", (full) => {
    const tails = [-1, 0, 1, 59, 100, 101, 1_023, 1_024].map(
      (more) => tailOf("x".repeat(full + more))?.length,
    );
    expect(tails).toEqual([0, 0, 1, 59, 100, 0, 0, 0]);
  });

  it.each(["é", "€", "😀"])("is divided between characters, and no byte is lost: %s", (character) => {
    for (const full of FULL) {
      for (let shift = 0; shift < 8; shift += 1) {
        const text = "x".repeat(shift) + character.repeat(Math.ceil((full + 20) / utf8(character)));
        const tail = tailOf(text) ?? "";
        const own = text.slice(0, text.length - tail.length);
        expect(own + tail === text).toBe(true);
        expect(tail).toMatch(new RegExp(`^(?:${character})+$`, "u"));
        expect(utf8(own) + utf8(tail)).toBe(utf8(text));
        expect(full - utf8(own)).toBeGreaterThanOrEqual(0);
        expect(full - utf8(own)).toBeLessThan(utf8(character));
      }
    }
  });

  it("holds halves of pairs that belong to nothing where they are", () => {
    for (const text of ["\ud83d".repeat(340), "\ude00".repeat(340), "\ude00\ud83d".repeat(250)]) {
      const tail = tailOf(text) ?? "";
      expect(tail.length).toBeGreaterThan(0);
      expect(text.endsWith(tail)).toBe(true);
    }
  });

  it("costs no change of a job more than an item of its own would, whatever the sizes of both", () => {
    let saved = 0;
    for (let recordBytes = 0; recordBytes < 2_200; recordBytes += 1) {
      const record = "r".repeat(recordBytes);
      for (const more of [1, 59, 100]) {
        const text = "x".repeat(KB - 59 + more);
        const at = place(text, record);
        if (!("tail" in at)) throw new Error("it is too long to be inline");
        const plain = { nonce: at.nonce, tail: "" };
        for (const grown of [0, LIFE_BYTES]) {
          const extra = kbs(jobBytes(record, at) + grown) - kbs(jobBytes(record, plain) + grown);
          expect(extra).toBe(0);
        }
        saved += kbs(ownBytes(text)) - kbs(ownBytes(text.slice(0, text.length - at.tail.length)));
      }
    }
    expect(saved).toBeGreaterThan(2_000);
  });

  it("is not divided where the job's item has no room for the tail", () => {
    const room = KB - LIFE_BYTES - jobBytes("", { nonce: "12345678", tail: "t".repeat(59) });
    expect(tailOf("x".repeat(KB), "r".repeat(room))?.length).toBe(59);
    expect(tailOf("x".repeat(KB), "r".repeat(room + 1))).toBe("");
    // The next KB has room again.
    expect(tailOf("x".repeat(KB), "r".repeat(room + KB))?.length).toBe(59);
    expect(tailOf("x".repeat(KB), "r".repeat(room + 1 + KB))).toBe("");
  });
});

describe("the place of an output", () => {
  it("is the job's own item up to a KB, and wholly one of its own beyond", () => {
    expect(placeOfOutput("x".repeat(KB))).toEqual({ inline: "x".repeat(KB) });
    expect(placeOfOutput("x".repeat(KB + 1))).toMatchObject({ tail: "" });
    expect(Object.keys(placeAttributes("output", placeOfOutput("x".repeat(KB + 1))))).toEqual(["outputKey"]);
  });
});
