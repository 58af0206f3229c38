/** The only source of randomness in the core; a test passes its own. */
export interface Ids {
  /** A job id: `[A-Za-z0-9_-]{1,128}`. UUIDv7 by default, so that ids of one process sort by creation. */
  job(nowMs: number): string;
  /** Names one change for ever: its author recognises its own write by it. 96 bits. */
  transition(): string;
  /** The secret of a claim. 128 bits. */
  token(): string;
  /** Uniform in [0, 1), for jitter. */
  random(): number;
}

/** What an id may be made of, at the boundary and in every adapter. */
export const ID_PATTERN = /^[A-Za-z0-9_-]{1,128}$/;

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/** Random bytes are drawn in blocks: one call into the system's generator for some hundred ids. */
const BLOCK_BYTES = 4096;
let block = new Uint8Array(0);
let used = 0;

/** Draws so many bytes; they are read with `byte`, from the index that is returned. */
function draw(count: number): number {
  if (used + count > block.length) {
    block = crypto.getRandomValues(new Uint8Array(BLOCK_BYTES));
    used = 0;
  }
  used += count;
  return used - count;
}

function byte(index: number): number {
  return block[index] ?? 0;
}

// Texts are made of character codes at once (measured: 0.2 µs for an id, against 1.2 µs of padded and joined numbers), and
// flat: pieces that are joined one by one live on as a tree.

function randomText(characters: number): string {
  const drawn = draw(characters);
  const codes = new Array<number>(characters);
  for (let index = 0; index < characters; index += 1)
    codes[index] = ALPHABET.charCodeAt(byte(drawn + index) & 63);
  return String.fromCharCode(...codes);
}

/** Ids of one millisecond count on, from a random place in the lower half: some two thousand at least keep their order. */
const newest = { ms: -1, count: 0 };

/** The id that was made last, as character codes: the next of a millisecond has its beginning. */
const idCodes = Array.from("00000000-0000-7000-0000-000000000000", (character) => character.charCodeAt(0));

function uuidv7(nowMs: number): string {
  const drawn = draw(10);
  if (newest.ms === nowMs) newest.count = (newest.count + 1) & 0xfff;
  else {
    newest.ms = nowMs;
    newest.count = ((byte(drawn) << 8) | byte(drawn + 1)) & 0x7ff;
    const time = nowMs.toString(16).padStart(12, "0");
    for (let digit = 0; digit < 12; digit += 1)
      idCodes[digit < 8 ? digit : digit + 1] = time.charCodeAt(digit);
  }
  putHex(14, 0x70 | (newest.count >> 8));
  putHex(16, newest.count & 0xff);
  putHex(19, (byte(drawn + 2) & 0x3f) | 0x80);
  putHex(21, byte(drawn + 3));
  for (let index = 0; index < 6; index += 1) putHex(24 + 2 * index, byte(drawn + 4 + index));
  return String.fromCharCode(...idCodes);
}

const HEX = "0123456789abcdef";

function putHex(at: number, value: number): void {
  idCodes[at] = HEX.charCodeAt(value >> 4);
  idCodes[at + 1] = HEX.charCodeAt(value & 15);
}

/** Ids from the system's random generator. */
export const systemIds: Ids = {
  job: uuidv7,
  transition: () => randomText(16),
  token: () => randomText(22),
  random: () => {
    const drawn = draw(4);
    const high = (byte(drawn) << 16) | (byte(drawn + 1) << 8) | byte(drawn + 2);
    return (high * 256 + byte(drawn + 3)) / 2 ** 32;
  },
};
