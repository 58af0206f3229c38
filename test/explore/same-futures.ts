import { Encoder } from "./model/encode.js";
import type { State } from "./model/state.js";
import type { World } from "./model/world.js";
import { initial, stepsFrom } from "./search.js";

/** What was compared, and where two states of one text can go to different ones. */
interface Comparison {
  readonly compared: number;
  /** Texts, each with the steps that only one of the two has. */
  readonly different: readonly string[];
}

/**
 * Compares the steps of states that have one text: the search visits one of them only, so that all must lead to the same.
 *
 * @param every - of the states that are met again, each n-th is compared
 */
export function compareFutures(
  world: World,
  limits: { readonly states: number; readonly every: number },
): Comparison {
  const encoder = new Encoder(world);
  const first = initial(world.setup);
  const known = new Map([[encoder.encode(first), first]]);
  const open: State[] = [first];
  const different: string[] = [];
  let met = 0;
  for (let place = 0; place < open.length && open.length < limits.states; place += 1) {
    encoder.expand(open[place]!);
    for (const { take } of stepsFrom(world, open[place]!)) {
      const after = take();
      const text = encoder.encode(after);
      const other = known.get(text);
      if (other === undefined) {
        known.set(text, after);
        open.push(after);
        continue;
      }
      met += 1;
      if (met % limits.every !== 0) continue;
      const [mine, theirs] = [futures(world, after), futures(world, other)];
      const only = [...mine, ...theirs].filter((each) => !(mine.has(each) && theirs.has(each)));
      // A step that changes nothing that counts is none.
      const strayed = only.filter((each) => each !== text && each !== `fault ${text}`);
      if (strayed.length > 0) different.push(`${text}: ${strayed.join(" or ")}`);
    }
  }
  return { compared: Math.floor(met / limits.every), different };
}

function futures(world: World, state: State): ReadonlySet<string> {
  const encoder = new Encoder(world);
  encoder.expand(state);
  const texts = stepsFrom(world, state).map(
    ({ take, fault }) => `${fault ? "fault " : ""}${encoder.encode(take())}`,
  );
  return new Set(texts);
}
