import { randomUUID } from "node:crypto";
import { keyOf } from "../client/client.js";
import type { PayloadPlace } from "./reader.js";
import type { Attributes } from "./fields.js";
import { jobKey, payloadKey } from "../names.js";
import { itemBytes, utf8 } from "./size.js";

/** DynamoDB counts a write by every KB of the item that is begun. */
const KB = 1_024;

/** Up to this an input lives in the job's own item: one write and one trip less. */
const MAX_INLINE_INPUT_BYTES = 200;
/** An output comes with the last change of the job's item: few writes are paid for with it. */
const MAX_INLINE_OUTPUT_BYTES = 1_024;
/**
 * Up to this what goes over whole KBs lives in the job's own item. There it is paid for again with every change that finds
 * the job beyond its KB by these bytes alone, after failed attempts and long progress: few, as long as it is little.
 */
const MAX_TAIL_BYTES = 100;
/** What a job grows by from its first record to its end without a failed attempt, worker and output of a few bytes included. */
const LIFE_BYTES = 320;

const NONCE_CHARS = 8;

/**
 * Decides where an input goes.
 *
 * An item of its own is paid for by the KB, and key and names share the first one. The tail that goes over the last whole
 * KB by a little lives in the job's item instead, if that stays within the KB that it is in with all that the job is
 * known to become: a unit less to write, and no change that costs more.
 *
 * @param record - what else the job's item holds at first
 */
export function placeOfInput(id: string, text: string, record: Attributes): PayloadPlace {
  if (utf8(text) <= MAX_INLINE_INPUT_BYTES) return { inline: text };
  const nonce = newNonce();
  const own = { ...keyOf(payloadKey(id, "input", nonce)), input: { S: "" } };
  const tail = tailOf(text, itemBytes(own));
  const kbsWith = (at: PayloadPlace, moreBytes: number): number => {
    const item = { ...keyOf(jobKey(id)), ...record, ...placeAttributes("input", at) };
    return Math.ceil((itemBytes(item) + moreBytes) / KB);
  };
  const fits = kbsWith({ nonce, tail }, LIFE_BYTES) === kbsWith({ nonce, tail: "" }, 0);
  return { nonce, tail: fits ? tail : "" };
}

/** What of a text goes over the whole KBs that it fills with what is stored beside it, where that is little. */
function tailOf(text: string, besideBytes: number): string {
  const bytes = besideBytes + utf8(text);
  const over = bytes % KB;
  if (bytes < KB || over === 0 || over > MAX_TAIL_BYTES) return "";
  // Only whole characters are written.
  return text.slice(new TextEncoder().encodeInto(text, new Uint8Array(bytes - over - besideBytes)).read);
}

/** An output is placed before it is known how large the job's item has become: it is never divided. */
export function placeOfOutput(text: string): PayloadPlace {
  return utf8(text) <= MAX_INLINE_OUTPUT_BYTES ? { inline: text } : { nonce: newNonce(), tail: "" };
}

/** Each write of a payload has its own: of two writers, the job names one. */
function newNonce(): string {
  return randomUUID().slice(0, NONCE_CHARS);
}

/** What the job's item holds of a payload. */
export function placeAttributes(part: "input" | "output", at: PayloadPlace): Attributes {
  if ("inline" in at) return { [part]: { S: at.inline } };
  return { [`${part}Key`]: { S: at.nonce }, ...(at.tail === "" ? {} : { [`${part}Tail`]: { S: at.tail } }) };
}
