import type { Definition } from "../../definition.js";
import { isFinal } from "../../job/lifecycle.js";
import type { StoredJob } from "../../ports/store.js";
import { viewOf } from "../../view/projection.js";
import type { JobRecord } from "../../job/record.js";
import type { Core } from "../context.js";
import type { Facts } from "./aim.js";
import { jobOf } from "../read/job.js";

/** A view of a job of any kind, instants as `Date`. */
export type RuntimeView = ReturnType<typeof viewOf>;

/** A job as a strong read has shown it: shared by everybody who looks at it in this process. */
export interface Seen {
  readonly id: string;
  readonly version: number;
  readonly owner: string | null;
  readonly kind: string;
  readonly subject: string | null;
  readonly createdAt: number;
  readonly isFinal: boolean;
  /** Tells two states of a job apart that bear one version, which a store that lost writes can bring about. */
  readonly print: string;
  readonly view: RuntimeView;
}

/** A job that is there, and that its kind cannot show: the kind's own `project` threw, or gave no JSON. */
export interface Unshowable extends Facts {
  readonly id: string;
  readonly error: unknown;
}

/** What a list, or a read, says without input and output. */
export function printOf({ version, status, updatedAt, attempt, createdAt }: JobRecord): string {
  return `${String(version)} ${status} ${String(updatedAt)} ${String(attempt)} ${String(createdAt)}`;
}

export interface Reading {
  readonly id: string;
  /** What is known already: where it is still so, nothing more is read. */
  readonly known: Seen | null;
  /** The kind, where a list or a hint has told it. */
  readonly kind: string | undefined;
  /** It may have become COMPLETED: its output is read in the same round trip. */
  readonly withOutput: boolean;
}

/**
 * Reads a job: strong, without its input unless its messages speak of it, with its output only when it is COMPLETED.
 * `null`: there is none, or it is of a kind that this process does not know.
 */
export async function readSeen(
  core: Core,
  { id, known, kind, withOutput }: Reading,
): Promise<Seen | Unshowable | null> {
  const expected = core.definitions.get(known?.kind ?? kind ?? "");
  const first = await core.gateway.read(id, {
    input: expected?.messagesReadInput === true,
    output: withOutput,
  });
  if (first === null) return null;
  if (known !== null && known.print === printOf(first.record)) return known;
  const definition = core.definitions.get(first.record.kind);
  if (definition === undefined) return null;
  if (isWhole(definition, first)) return seenOf(definition, first);
  const whole = await core.gateway.read(id, { input: definition.messagesReadInput, output: true });
  return whole === null ? null : seenOf(definition, whole);
}

function isWhole({ messagesReadInput }: Definition, { record, input, output }: StoredJob): boolean {
  if (messagesReadInput && input === undefined) return false;
  return record.status !== "COMPLETED" || output !== undefined;
}

function seenOf(definition: Definition, stored: StoredJob): Seen | Unshowable {
  const { id, version, owner, kind, subject, createdAt, status } = stored.record;
  let view: RuntimeView;
  try {
    view = viewOf(definition, jobOf(definition, stored));
  } catch (error) {
    return { id, owner, kind, subject, error };
  }
  return {
    id,
    version,
    owner,
    kind,
    subject,
    createdAt,
    isFinal: isFinal(status),
    print: printOf(stored.record),
    view,
  };
}
