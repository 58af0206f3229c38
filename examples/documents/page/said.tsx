import { useEffect, useRef, useState } from "react";
import { StatusBadge } from "waybill/react";

interface Thing<W extends string> {
  readonly id: string;
  readonly name: string;
  readonly word: W;
}

interface SaidProps<W extends string> {
  readonly things: readonly Thing<W>[];
  /** What several are called. */
  readonly many: string;
  readonly labels: Readonly<Record<W, string>>;
}

/** What changes within so long is said together. */
const TOGETHER_MS = 300;

/** Says what becomes of the rows of a list, in one sentence for all that come to the same word at once. Nothing is seen. */
export function Said<W extends string>({ things, many, labels }: SaidProps<W>) {
  const words = useRef(new Map<string, W>());
  const changed = useRef(new Map<string, Thing<W>>());
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const [said, setSaid] = useState({ number: 0, sentence: "" });
  useEffect(() => {
    for (const thing of things) {
      const before = words.current.get(thing.id);
      if (before !== undefined && before !== thing.word) changed.current.set(thing.id, thing);
      words.current.set(thing.id, thing.word);
    }
    if (changed.current.size === 0) return;
    clearTimeout(timer.current);
    timer.current = setTimeout(() => {
      const sentence = sentenceOf([...changed.current.values()], many, labels);
      changed.current.clear();
      setSaid(({ number }) => ({ number: number + 1, sentence }));
    }, TOGETHER_MS);
  });
  useEffect(
    () => () => {
      clearTimeout(timer.current);
    },
    [],
  );
  const status = String(said.number);
  // A badge, since its changes are said; numbered, since the same may happen twice.
  return <StatusBadge className="ends" status={status} labels={{ [status]: said.sentence }} />;
}

export function sentenceOf<W extends string>(
  changed: readonly Thing<W>[],
  many: string,
  labels: Readonly<Record<W, string>>,
): string {
  const byWord = new Map<W, Thing<W>[]>();
  for (const thing of changed) byWord.set(thing.word, [...(byWord.get(thing.word) ?? []), thing]);
  return [...byWord]
    .map(([word, [first, ...others]]) =>
      others.length === 0
        ? `${first?.name ?? ""}: ${labels[word]}`
        : `${String(others.length + 1)} ${many} ${labels[word].toLowerCase()}`,
    )
    .join(". ");
}
