import type { Definition } from "../../definition.js";

/** `at name (place)` or `at place`, as V8 and Bun write it; `name@place` in other engines. */
const FRAME = /^ *at (?:(?:(.*?) \((.+)\))|(?:async )?(.+))$|^([^@]*)@(.+)$/;

/** The functions that make a definition, also where a bundler has told two copies of them apart. */
const OURS = /(?:^|\.)(?:makeDefinition|defineJob)\d*$/;

/** Frames of a runtime, which say nothing of the application. */
const OF_A_RUNTIME = /^(?:node:|native$|<anonymous>$)/;

/** Where two definitions of a kind were made. `null`: the runtime does not say. */
export interface Places {
  readonly madeAt: string | null;
  readonly againAt: string | null;
}

/**
 * Each with the callers that tell them apart: an application that makes all its definitions in one function of its own would
 * else read the same place twice.
 */
export function placesOf(first: Definition, second: Definition): Places {
  const [a, b] = [framesOf(first), framesOf(second)];
  const longest = a.length > b.length ? a : b;
  const parting = longest.findIndex((_, at) => a[at] !== b[at]);
  // The same place, loaded anew by the same: there is nothing more to say of it.
  const shown = parting === -1 ? 1 : parting + 1;
  const text = (frames: readonly string[]): string | null => frames.slice(0, shown).join(" < ") || null;
  return { madeAt: text(a), againAt: text(b) };
}

/** The application's frames of where a definition was made, the innermost first. */
function framesOf(definition: Definition): readonly string[] {
  const frames = stackOf(definition)
    .split("\n")
    .flatMap((line) => {
      const [, name = "", named, plain, otherName = "", other] = FRAME.exec(line) ?? [];
      const place = named ?? plain ?? other;
      return place === undefined ? [] : [{ name: name || otherName, place }];
    });
  while (frames[0] !== undefined && OURS.test(frames[0].name)) frames.shift();
  return frames.map(({ place }) => place).filter((place) => !OF_A_RUNTIME.test(place));
}

/** Programs replace how stacks are written (`Error.prepareStackTrace`), and what they put there may fail or give no text. */
function stackOf({ madeAt }: Definition): string {
  try {
    const stack = madeAt();
    return typeof stack === "string" ? stack : "";
  } catch {
    return "";
  }
}
