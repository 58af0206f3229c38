import type { Json } from "./json.js";

/** Deeper than data gets; far below what a stack holds. */
const MAX_DEPTH = 200;
/** Of a path in a message. */
const MAX_PATH_CHARS = 256;

export interface JsonLimits {
  /** Most bytes of the text as UTF-8. */
  readonly maxBytes: number;
  /** Most levels of objects and arrays. @default 200 */
  readonly maxDepth?: number | undefined;
}

/** JSON text, or why there is none. `path` is `a.b.0`, "" for the whole; the message never holds the value. */
export type JsonText =
  | { readonly ok: true; readonly text: string }
  | {
      readonly ok: false;
      readonly reason: "not_json_safe" | "too_large";
      readonly path: string;
      /** Continues a sentence: "is a bigint, which JSON has not". */
      readonly message: string;
    };

/**
 * The JSON text of a value, if that text says all that the value says. What JSON would change in silence (a Date, a Map, a
 * class instance, NaN, a hole in an array …) is refused with its path. Properties that are `undefined` are left out.
 *
 * Never throws, whatever the value does; reads each property once; calls no `toJSON`.
 */
export function toJsonText(value: unknown, limits: JsonLimits): JsonText {
  const writer = new Writer(limits.maxBytes, limits.maxDepth ?? MAX_DEPTH, false);
  try {
    writer.write(value, 0);
    const text = writer.text();
    // No character takes more than three bytes: a text far below the limit is not counted (measured: 6 ns a character).
    if (text.length * 3 > limits.maxBytes && utf8Bytes(text) > limits.maxBytes)
      throw tooLarge(limits.maxBytes);
    return { ok: true, text };
  } catch (error) {
    const refusal = refusalOf(error);
    // What is too large is so as a whole: the place where counting stopped says nothing.
    const path = refusal.reason === "too_large" ? "" : writer.path();
    return { ok: false, reason: refusal.reason, path, message: refusal.what };
  }
}

/**
 * One text for equal values: keys sorted by UTF-16 code units, no space, `-0` as `0` (the form of RFC 8785). For hashes.
 *
 * @throws {TypeError} when the value is not JSON; its types say that it is
 */
export function canonicalJson(value: Json): string {
  const writer = new Writer(Infinity, MAX_DEPTH, true);
  try {
    writer.write(value, 0);
  } catch {
    throw new TypeError("The value is not JSON.");
  }
  return writer.text();
}

/**
 * Reads JSON text. A key `__proto__` is left out: as an own property it would become a prototype at the first careless
 * copy, and no text that `toJsonText` wrote has one.
 *
 * @throws {SyntaxError} without the text in its message
 */
export function parseJsonText(text: string): Json {
  let value: Json;
  try {
    value = JSON.parse(text) as Json;
  } catch {
    throw new SyntaxError("The text is not JSON.");
  }
  // A key may be written with escapes.
  if (text.includes("__proto__") || text.includes("\\u")) dropPrototypeKeys(value);
  return value;
}

/** Without recursion: a text may be nested deeper than a stack holds. */
function dropPrototypeKeys(value: Json): void {
  const left: unknown[] = [value];
  while (left.length > 0) {
    const next = left.pop();
    if (typeof next !== "object" || next === null) continue;
    if (!Array.isArray(next) && Object.hasOwn(next, "__proto__")) Reflect.deleteProperty(next, "__proto__");
    for (const child of Object.values(next)) left.push(child);
  }
}

/** Why a value has no JSON text. Never leaves this file. */
class Refusal extends Error {
  readonly reason: "not_json_safe" | "too_large";
  readonly what: string;

  constructor(reason: Refusal["reason"], what: string) {
    super(what);
    this.reason = reason;
    this.what = what;
  }
}

/** Anything but a refusal was thrown by the value itself: a getter, a proxy. It may be a proxy that throws at every look. */
function refusalOf(error: unknown): Refusal {
  try {
    if (error instanceof Refusal) return error;
  } catch {
    // It is not ours.
  }
  return unsafe("cannot be read");
}

function unsafe(what: string): Refusal {
  return new Refusal("not_json_safe", what);
}

function tooLarge(maxBytes: number): Refusal {
  return new Refusal("too_large", `is more than ${maxBytes} bytes of JSON`);
}

/** Text that stands between quotes as it is: most keys and most values. */
const PLAIN = /^[ !#-[\]-~]*$/;

/** Measured: a third of what `JSON.stringify` takes for a text of 140 characters, a half for a short key. */
function quoted(text: string): string {
  return PLAIN.test(text) ? `"${text}"` : JSON.stringify(text);
}

class Writer {
  #text = "";
  /** Where it is. After a refusal: where it stopped. */
  readonly #at: (string | number)[] = [];
  /** The objects that it is inside of: few, so a list is cheaper than a Set (measured: 0.1 µs for a flat value). */
  readonly #inside: object[] = [];
  readonly #maxBytes: number;
  readonly #maxDepth: number;
  readonly #canonical: boolean;

  constructor(maxBytes: number, maxDepth: number, canonical: boolean) {
    this.#maxBytes = maxBytes;
    this.#maxDepth = maxDepth;
    this.#canonical = canonical;
  }

  text(): string {
    return this.#text;
  }

  path(): string {
    const path = this.#at.join(".");
    return path.length > MAX_PATH_CHARS ? `${path.slice(0, MAX_PATH_CHARS - 1)}…` : path;
  }

  write(value: unknown, depth: number): void {
    switch (typeof value) {
      case "string":
        this.#string(value);
        return;
      case "boolean":
        this.#put(value ? "true" : "false");
        return;
      case "number":
        this.#number(value);
        return;
      case "object":
        if (value === null) this.#put("null");
        else this.#object(value, depth);
        return;
      case "undefined":
        throw unsafe("is undefined, which JSON has not");
      case "bigint":
      case "function":
      case "symbol":
        throw unsafe(`is a ${typeof value}, which JSON has not`);
    }
  }

  #put(part: string): void {
    // A character is at least a byte, so this stops in time and never too early; bytes are counted at the end.
    this.#text += part;
    if (this.#text.length > this.#maxBytes) throw tooLarge(this.#maxBytes);
  }

  #string(value: string, before = "", after = ""): void {
    // Before the copy that quoting makes.
    if (value.length > this.#maxBytes) throw tooLarge(this.#maxBytes);
    this.#put(before + quoted(value) + after);
  }

  #number(value: number): void {
    if (!Number.isFinite(value)) throw unsafe("is NaN or infinite, which JSON has not");
    // `String(-0)` is "0", but JSON can say -0 and its readers understand.
    this.#put(Object.is(value, -0) && !this.#canonical ? "-0" : String(value));
  }

  #object(value: object, depth: number): void {
    if (this.#inside.includes(value)) throw unsafe("contains itself");
    if (depth >= this.#maxDepth) throw unsafe(`is nested deeper than ${this.#maxDepth} levels`);
    this.#inside.push(value);
    if (Array.isArray(value)) this.#array(value, depth);
    else this.#record(value, depth);
    this.#inside.pop();
  }

  #array(value: readonly unknown[], depth: number): void {
    if (!isPlainArray(value)) throw unsafe("is an object of a class of its own, which JSON would not say");
    checkSymbols(value);
    const { length } = value;
    const keys = Object.keys(value);
    // Integer keys come first, in order: as many keys as the length, and the last of them right, is every one of them.
    if (keys.length !== length || (length > 0 && keys[length - 1] !== String(length - 1))) {
      throw unsafe("is an array with holes or with properties of its own");
    }
    this.#put("[");
    for (let index = 0; index < length; index += 1) {
      if (index > 0) this.#put(",");
      this.#at.push(index);
      this.write(value[index], depth + 1);
      this.#at.pop();
    }
    this.#put("]");
  }

  #record(value: object, depth: number): void {
    if (!isPlainObject(value)) throw unsafe(`is not a plain object, and JSON would not say what it is`);
    checkSymbols(value);
    const keys = Object.keys(value);
    if (this.#canonical) keys.sort();
    let first = true;
    this.#put("{");
    for (const key of keys) {
      this.#at.push(key);
      const item = (value as Readonly<Record<string, unknown>>)[key];
      if (item !== undefined) {
        if (key === "__proto__") throw unsafe("is a property that would be read as a prototype");
        this.#string(key, first ? "" : ",", ":");
        first = false;
        this.write(item, depth + 1);
      }
      this.#at.pop();
    }
    this.#put("}");
  }
}

/** JSON leaves out what is named by a symbol. */
function checkSymbols(value: object): void {
  for (const symbol of Object.getOwnPropertySymbols(value)) {
    if (Object.prototype.propertyIsEnumerable.call(value, symbol)) {
      throw unsafe("has a property named by a symbol, which JSON has not");
    }
  }
}

/** `{}`, `Object.create(null)`, and `{}` of another realm (a frame, `node:vm`), which has another `Object.prototype`. */
function isPlainObject(value: object): boolean {
  const prototype = Object.getPrototypeOf(value) as object | null;
  return prototype === null || prototype === Object.prototype || isRootPrototype(prototype);
}

function isRootPrototype(prototype: object): boolean {
  return Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype, "isPrototypeOf");
}

/** An array of this or another realm, not of a class derived from it. */
function isPlainArray(value: object): boolean {
  const prototype = Object.getPrototypeOf(value) as object | null;
  if (prototype === Array.prototype) return true;
  // Every realm's own is an array itself, below an `Object.prototype`.
  if (prototype === null || !Array.isArray(prototype)) return false;
  const root = Object.getPrototypeOf(prototype) as object | null;
  return root !== null && isRootPrototype(root);
}

/** How many bytes a text of whole characters takes as UTF-8. */
function utf8Bytes(text: string): number {
  let bytes = text.length;
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index);
    // A pair of surrogates is four bytes for two units; lone ones are escaped in JSON text.
    if (unit > 0x7ff) bytes += unit >= 0xd800 && unit <= 0xdfff ? 1 : 2;
    else if (unit > 0x7f) bytes += 1;
  }
  return bytes;
}
