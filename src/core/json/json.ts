/** A value that JSON carries without loss. What Waybill stores is always of this type, or its text. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject;

/** A JSON object; keys absent or `undefined` are not written. */
export interface JsonObject {
  readonly [key: string]: Json | undefined;
}
