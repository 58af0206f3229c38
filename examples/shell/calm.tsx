import { useState } from "react";

interface Identified {
  readonly id: string;
}

/** A list that somebody reads: what comes to it waits until it is asked for, so that nothing moves under a reader. */
export interface Calm<Row> {
  readonly shown: readonly Row[];
  readonly waiting: readonly Row[];
  /** Shows these from now on, there or not: what a reader has started is what they want to see. */
  readonly show: (ids: readonly string[]) => void;
}

/** @param rows - all there are, `null` while they are not known */
export function useCalm<Row extends Identified>(rows: readonly Row[] | null): Calm<Row> {
  const [known, setKnown] = useState<ReadonlySet<string> | null>(null);
  const show = (ids: readonly string[]): void => {
    setKnown((before) => new Set([...(before ?? []), ...ids]));
  };
  const all = rows ?? [];
  // Nobody reads what is not there yet: the first ones come as they are.
  if (known === null && all.length > 0) setKnown(new Set(all.map(({ id }) => id)));
  const isKnown = ({ id }: Identified): boolean => known === null || known.has(id);
  return { shown: all.filter(isKnown), waiting: all.filter((row) => !isKnown(row)), show };
}

/** What waits, by its number. */
export function NewRows({ waiting, show }: Pick<Calm<Identified>, "waiting" | "show">) {
  if (waiting.length === 0) return null;
  return (
    <button
      type="button"
      className="new"
      onClick={() => {
        show(waiting.map(({ id }) => id));
      }}
    >
      {waiting.length} new
    </button>
  );
}
