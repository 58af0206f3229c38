import { etaFromPercent } from "../../decide/eta.js";
import type { Definition } from "../../definition.js";
import type { ProgressOptions } from "../../handler.js";
import type { Json } from "../../json/json.js";
import { checkOptions } from "../../options/options.js";
import type { JobRecord } from "../../job/record.js";
import type { Core } from "../context.js";
import { etaOf } from "../eta.js";

/** Progress as it is stored. `etaAt` left out: as said before. */
export interface Counted {
  readonly json: Json;
  readonly percent: number | null;
  readonly etaAt?: number | null;
}

/** What was said with a progress, and is not checked yet. */
export interface Spoken {
  readonly text: string;
  readonly options: ProgressOptions;
}

/** The newest is what counts; what an unchecked one before it said of the ETA, or allowed, holds for it too. */
export function newestOf(before: Spoken | null, text: string, options: ProgressOptions): Spoken {
  const { etaAt = before?.options.etaAt } = options;
  const allowDecrease = options.allowDecrease === true || before?.options.allowDecrease === true;
  return { text, options: { etaAt, allowDecrease } };
}

/** What is wrong with options that a handler gave; `null`: nothing. Progress never fails a job, so it is said and not thrown. */
export function optionsProblem(options: unknown): string | null {
  try {
    checkOptions("progress", options, ["etaAt", "allowDecrease"]);
    return null;
  } catch (error) {
    return (error as Error).message;
  }
}

/** How far one run has got, as people were told. */
export class ProgressLine {
  readonly #core: Core;
  readonly #definition: Definition;
  readonly #since: number;
  #percent: number | null;

  /** @param record - as claimed */
  constructor(core: Core, definition: Definition, { percent, updatedAt }: JobRecord) {
    this.#core = core;
    this.#definition = definition;
    this.#percent = percent;
    this.#since = updatedAt;
  }

  /** What is stored of a progress; `null`: its percent falls, and it is dropped whole. An unknown percent is as said before. */
  count(json: Json, { etaAt, allowDecrease = false }: ProgressOptions): Counted | null {
    const before = this.#percent;
    const percent = this.#definition.percentOf(json) ?? before;
    if (!allowDecrease && before !== null && percent !== null && percent < before) return null;
    this.#percent = percent;
    const now = this.#core.time.now();
    const said = etaOf(this.#core, this.#definition, etaAt, now);
    const eta = said === undefined && percent !== before ? etaFromPercent(percent, this.#since, now) : said;
    return { json, percent, ...(eta === undefined ? {} : { etaAt: eta }) };
  }
}
