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
  let text = "";
  for (const byte of randomBytes(characters)) text += ALPHABET.charAt(byte & 63);
  return text;
}

function uuidv7(nowMs: number): string {
  const hex = nowMs.toString(16).padStart(12, "0");
  const bytes = Array.from(randomBytes(10), (byte) => byte.toString(16).padStart(2, "0"));
  const variant = (8 + (parseInt(bytes[2] ?? "0", 16) & 3)).toString(16);
  const [a = "", b = "", c = "", d = ""] = bytes;
  return `${hex.slice(0, 8)}-${hex.slice(8)}-7${a.slice(1)}${b}-${variant}${c.slice(1)}${d}-${bytes.slice(4).join("")}`;
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
