import assert from "node:assert/strict";
import { isError, isThenable } from "../core/errors/foreign.js";

/** So many calls before a failure are told of, and so much of each. */
const MOST_CALLS = 8;
const MOST_CHARACTERS = 400;

interface Call {
  readonly name: string;
  readonly args: readonly unknown[];
  /** What came of it, once it has. */
  came: { readonly value: unknown } | { readonly error: unknown } | null;
}

type Method = (...args: unknown[]) => unknown;

/** The last calls of one test to the parts that it is about, for whoever reads its failure. */
export class SuiteCalls {
  readonly #calls: Call[] = [];
  readonly #watched = new WeakMap<object, object>();

  /**
   * A fixture whose parts are written down when they are called.
   *
   * @param parts - properties that hold a part
   * @param handles - functions of the fixture that give another handle on one
   */
  fixture<F extends object>(fixture: F, parts: readonly string[], handles: readonly string[] = []): F {
    return new Proxy(fixture, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name, target);
        if (typeof name !== "string") return value;
        if (parts.includes(name)) return this.#watch(value, name);
        if (typeof value !== "function") return value;
        if (!handles.includes(name)) return (value as Method).bind(target);
        return async (...args: unknown[]) => this.#watch(await (value as Method).apply(target, args), name);
      },
    });
  }

  /** The sentence that does not hold, what came beside what should have, and the calls that led there. */
  explain(sentence: string, error: unknown): unknown {
    if (!isError(error)) return error;
    const said = error.message;
    const calls = [...this.#calls].reverse().map(textOf);
    const behind = calls.length === 0 ? [] : ["Calls, the last one first:", ...calls];
    error.message = [sentence, said, ...behind].join("\n");
    // Some runners show the one, some the other.
    error.stack = (error.stack ?? "").replace(said, () => error.message);
    if (error instanceof assert.AssertionError) error.generatedMessage = false;
    return error;
  }

  #watch(part: unknown, label: string): unknown {
    if (typeof part !== "object" || part === null) return part;
    const known = this.#watched.get(part);
    if (known !== undefined) return known;
    const methods = new Map<unknown, unknown>();
    const watched = new Proxy(part, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name, target);
        if (typeof value !== "function" || typeof name !== "string") return value;
        if (!methods.has(value))
          methods.set(value, this.#recorded(target, `${label}.${name}`, value as Method));
        return methods.get(value);
      },
    });
    this.#watched.set(part, watched);
    return watched;
  }

  #recorded(target: object, name: string, method: Method): Method {
    return (...args) => {
      const call: Call = { name, args, came: null };
      this.#calls.push(call);
      if (this.#calls.length > MOST_CALLS) this.#calls.shift();
      let answer: unknown;
      try {
        answer = method.apply(target, args);
      } catch (error) {
        call.came = { error };
        throw error;
      }
      if (!isThenable(answer)) {
        call.came = { value: answer };
        return answer;
      }
      answer.then(
        (value: unknown) => (call.came = { value }),
        (error: unknown) => (call.came = { error }),
      );
      return answer;
    };
  }
}

function textOf({ name, args, came }: Call): string {
  const asked = `${name}(${args.map(shown).join(", ")})`;
  if (came === null) return `${asked} → no answer yet`;
  return "error" in came ? `${asked} ✗ ${String(came.error)}` : `${asked} → ${shown(came.value)}`;
}

/** As JSON, cut: a payload of 256 KiB helps nobody. */
function shown(value: unknown): string {
  const text = value === undefined ? "undefined" : asJson(value);
  return text.length <= MOST_CHARACTERS ? text : `${text.slice(0, MOST_CHARACTERS)}…`;
}

function asJson(value: unknown): string {
  try {
    return JSON.stringify(value, shorter);
  } catch {
    return String(value);
  }
}

function shorter(_: string, value: unknown): unknown {
  if (typeof value === "function") return "(function)";
  if (value instanceof AbortSignal) return value.aborted ? "(aborted signal)" : "(signal)";
  return typeof value === "string" && value.length > 60 ? `${value.slice(0, 60)}… (${value.length})` : value;
}
