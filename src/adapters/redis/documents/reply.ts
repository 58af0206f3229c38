import type { StoredJob } from "../../../core/ports/store.js";
import { decodeCursors } from "./cursors.js";
import { decodeDocument } from "./document.js";
import { unreadableReply } from "../client/errors.js";

interface JobWithInput extends StoredJob {
  readonly input: string;
}

/** Reads the answer of a script from front to back. */
export class Reply {
  readonly #parts: readonly unknown[];
  #place = 0;

  constructor(parts: unknown) {
    if (!Array.isArray(parts)) throw unreadableReply();
    this.#parts = parts;
  }

  get isOver(): boolean {
    return this.#place >= this.#parts.length;
  }

  next(): unknown {
    const part = this.#parts[this.#place];
    this.#place += 1;
    return part ?? null;
  }

  text(): string {
    return textOf(this.next());
  }

  textOrNull(): string | null {
    const part = this.next();
    return part === null ? null : textOf(part);
  }

  number(): number {
    return numberOf(this.next());
  }

  numberOrNull(): number | null {
    const part = this.next();
    return part === null ? null : numberOf(part);
  }

  /** A document and its cursors. */
  job(id: string): StoredJob {
    return { record: decodeDocument(id, this.text()).record, cursors: decodeCursors(id, this.next()) };
  }

  /** The same; `null`: there is none. */
  jobOrNull(id: string): StoredJob | null {
    const document = this.textOrNull();
    const cursors = this.next();
    if (document === null) return null;
    return { record: decodeDocument(id, document).record, cursors: decodeCursors(id, cursors) };
  }

  /** A document, its cursors, and the input, which the document may hold itself: as they came. */
  stored(): StoredParts {
    return { document: this.textOrNull(), cursors: this.next(), apart: this.textOrNull() };
  }
}

/** A job as a script answered it. */
export interface StoredParts {
  readonly document: string | null;
  readonly cursors: unknown;
  readonly apart: string | null;
}

/** `null`: there is none. @throws StoreCorruptError when it cannot be read */
export function jobWithInputOrNull(
  id: string,
  { document, cursors, apart }: StoredParts,
): JobWithInput | null {
  if (document === null) return null;
  const { record, input } = decodeDocument(id, document);
  return { record, cursors: decodeCursors(id, cursors), input: apart ?? input ?? "" };
}

/** A number that is one, as such or as text. */
export function numberOf(part: unknown): number {
  const text = textOf(part);
  const number = Number(text);
  if (text === "" || !Number.isFinite(number)) throw unreadableReply();
  return number;
}

/** Numbers come as such, or as texts where the client is told to. */
function textOf(part: unknown): string {
  if (typeof part === "string") return part;
  if (typeof part === "number") return String(part);
  throw unreadableReply();
}
