import { edited, type Guard } from "./sql/guards.js";

/** A guard to be taken out, in one of its ways. */
export interface Deletion {
  readonly key: string;
  readonly way: number;
}

/** A guard, as far as a campaign must know it. */
export type KnownGuard = Pick<Guard, "key"> & { readonly ways: { readonly length: number } };

/** Stands between a store and its engine: notes what is sent, and takes one guard out of it. */
export interface Mutator {
  /** The guards of each statement that was sent. */
  readonly known: ReadonlyMap<string, readonly KnownGuard[]>;
  /** What the engine could not even read with a guard taken out: a fault of the deletion and no test's merit. */
  readonly unreadable: Set<string>;
  /** What was sent since it was last emptied. */
  readonly sent: Set<string>;
  deletion: Deletion | null;
}

/** Of statements that are texts. */
export class TextMutator implements Mutator {
  readonly known = new Map<string, readonly Guard[]>();
  readonly unreadable = new Set<string>();
  readonly sent = new Set<string>();
  deletion: Deletion | null = null;
  readonly #guardsIn: (text: string) => readonly Guard[] | null;

  /** @param guardsIn - `null`: it is left as it is */
  constructor(guardsIn: (text: string) => readonly Guard[] | null) {
    this.#guardsIn = guardsIn;
  }

  /** What is sent instead of a statement. */
  changed(text: string): string {
    let guards = this.known.get(text);
    if (guards === undefined) {
      const found = this.#guardsIn(text);
      if (found === null) return text;
      this.known.set(text, (guards = found));
    }
    this.sent.add(text);
    const { deletion } = this;
    const guard = deletion === null ? undefined : guards.find(({ key }) => key === deletion.key);
    const edits = guard?.ways[deletion?.way ?? 0];
    return edits === undefined ? text : edited(text, edits);
  }
}
