/** What somebody wants to see: one job, or the newest jobs of the caller. Its members are those of the live protocol. */
export interface Aim {
  /** One job; left out: a list. */
  readonly jobId?: string;
  readonly kind?: string | undefined;
  readonly subject?: string | undefined;
  /** Of a list, 1–100. */
  readonly limit?: number;
}

/** What of a view decides whether it belongs to an aim. */
interface Aimed {
  readonly id: string;
  readonly kind: string;
  readonly subject: string | null;
}

export function isWithin({ jobId, kind, subject }: Aim, view: Aimed): boolean {
  return (
    (jobId ?? view.id) === view.id &&
    (kind ?? view.kind) === view.kind &&
    (subject ?? view.subject) === view.subject
  );
}

/** The aim as an address of the HTTP interface. */
export function pathOf({ jobId, ...list }: Aim): string {
  return jobId === undefined ? `?${queryOf(list)}` : `/${encodeURIComponent(jobId)}`;
}

/** A query of what is there; a list of values has commas, and one of none stays: left out, it would let everything through. */
export function queryOf(given: object): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(given)) {
    if (value !== undefined) query.append(name, String(value));
  }
  return String(query);
}
