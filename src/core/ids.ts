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

function randomBytes(count: number): Uint8Array {
  if (used + count > block.length) {
    block = crypto.getRandomValues(new Uint8Array(BLOCK_BYTES));
    used = 0;
  }
  used += count;
  return block.subarray(used - count, used);
}

function randomText(characters: number): string {
  const bytes = randomBytes(characters);
  const codes = new Array<number>(characters);
  for (let index = 0; index < characters; index += 1)
    codes[index] = ALPHABET.charCodeAt((bytes[index] ?? 0) & 63);
  // One flat text: pieces that are joined one by one live on as a tree.
  return String.fromCharCode(...codes);
}

/** Ids of one millisecond count on, from a random place in the lower half: some two thousand at least keep their order. */
let newest = { ms: 0, count: 0 };

function uuidv7(nowMs: number): string {
  const bytes = randomBytes(10);
  const drawn = new DataView(bytes.buffer, bytes.byteOffset, 10);
  const count = newest.ms === nowMs ? newest.count + 1 : drawn.getUint16(0) & 0x7ff;
  newest = { ms: nowMs, count: count & 0xfff };
  const time = hex(nowMs, 12);
  const variant = hex((drawn.getUint16(2) & 0x3fff) | 0x8000, 4);
  const rest = hex(drawn.getUint16(4), 4) + hex(drawn.getUint32(6), 8);
  return `${time.slice(0, 8)}-${time.slice(8)}-7${hex(newest.count, 3)}-${variant}-${rest}`;
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, "0");
}

/** Ids from the system's random generator. */
export const systemIds: Ids = {
  job: uuidv7,
  transition: () => randomText(16),
  token: () => randomText(22),
  random: () => {
    const bytes = randomBytes(4);
    return new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0) / 2 ** 32;
  },
};
