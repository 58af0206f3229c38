import { WaybillError } from "../../../core/errors/errors.js";
import type { AttributeValue, Item } from "../client/client.js";
import type { Attributes } from "./fields.js";

/** DynamoDB's own bound of an item, names and values together. */
const MAX_ITEM_BYTES = 400 * 1024;
/** Left for what DynamoDB counts otherwise than the documented rule, and for later changes. */
const RESERVE_BYTES = 4 * 1024;

/** Most bytes of a partition key, which owner and subject are in their indexes. */
const MAX_KEY_BYTES = 2_048;

/** The size of an item by DynamoDB's documented rule. */
export function itemBytes(item: Item | Attributes): number {
  let bytes = 0;
  for (const [name, value] of Object.entries(item))
    if (value !== null) bytes += utf8(name) + valueBytes(value);
  return bytes;
}

function valueBytes({ S, N, L }: AttributeValue): number {
  if (S !== undefined) return utf8(S);
  // Two digits a byte, and one more.
  if (N !== undefined) return Math.ceil(N.replace(/^0+|[-.]|0+$/g, "").length / 2) + 1;
  if (L !== undefined) return 3 + L.reduce((sum, element) => sum + 1 + valueBytes(element), 0);
  return 1;
}

export function utf8(text: string): number {
  return Buffer.byteLength(text);
}

/**
 * Refuses what could not be stored, before anything is.
 *
 * @throws WaybillError `input.too_large`
 */
export function requireFits(attributes: Item | Attributes, what: string, jobId: string): void {
  if (itemBytes(attributes) > MAX_ITEM_BYTES - RESERVE_BYTES) {
    throw new WaybillError("input.too_large", `${what} is larger than an item of DynamoDB may be (400 KB).`, {
      jobId,
    });
  }
}

/** @throws WaybillError `input.too_large` */
export function requireIndexable(text: string | null, what: string, jobId: string): void {
  if (text !== null && utf8(text) > MAX_KEY_BYTES) {
    throw new WaybillError(
      "input.too_large",
      `${what} has more bytes than a key of DynamoDB may have (2,048).`,
      { jobId },
    );
  }
}
