import { type Fault, numbers } from "../fault.js";
import { ADD_MARK, type Side } from "../peer.js";
import type { Stage } from "../stage.js";

const ADDS = 10;
const REPEAT_MS = 200;
const MOST_CALLS = 20;
const SETTLE_MS = 3_000;

interface LostAddReply {
  readonly adds: number;
  /** How many jobs are stored of so many, each added by one call that is repeated when it rejects. */
  readonly plain: number;
  /** Calls that rejected although their job was stored. */
  readonly plainRejected: number;
  /** The same with what the peer documents against adding twice. */
  readonly keyed: number;
  readonly lost: number;
  readonly [fact: string]: number;
}

async function run(stage: Stage): Promise<LostAddReply> {
  const { side, proxied, pause } = stage;
  await side.prepare();
  const sender = await proxied();
  // The first call also connects, and may make things that no later call makes.
  await sender.add(-1);
  const plain = await addLosing(stage, sender, () => undefined, 0);
  const keyed = await addLosing(stage, sender, (n) => `add-${n}`, ADDS);
  await pause(SETTLE_MS);
  const stored = await side.stored();
  return {
    adds: ADDS,
    plain: stored.filter(({ n }) => n >= 0 && n < ADDS).length,
    plainRejected: plain.rejected,
    keyed: stored.filter(({ n }) => n >= ADDS).length,
    lost: plain.lost + keyed.lost,
  };
}

async function addLosing(
  { loseReply, pause }: Stage,
  sender: Side,
  keyOf: (n: number) => string | undefined,
  from: number,
): Promise<{ readonly rejected: number; readonly lost: number }> {
  let rejected = 0;
  let lost = 0;
  for (const n of numbers(ADDS).map((at) => from + at)) {
    loseReply(ADD_MARK, (cut) => {
      lost += 1;
      cut();
    });
    let isAdded = false;
    for (let calls = 0; !isAdded && calls < MOST_CALLS; calls += 1) {
      isAdded = await sender.add(n, keyOf(n)).then(
        () => true,
        () => false,
      );
      if (!isAdded && calls === 0) rejected += 1;
      if (!isAdded) await pause(REPEAT_MS);
    }
  }
  return { rejected, lost };
}

export const lostAddReply: Fault<LostAddReply> = {
  name: "lost-add-reply",
  title: "The reply to an add lost",
  how:
    "The server stores a job; in place of the reply the connection is cut. A call that rejects is repeated. Once without and " +
    "once with what the peer documents against adding a job twice.",
  run,
  judge: ({ adds, plain, plainRejected, keyed, lost }) => {
    if (lost < 2 * adds) return { verdict: "none", text: `only ${lost} of ${2 * adds} replies were seen` };
    const how = plainRejected > 0 ? `${plainRejected} rejected and repeated` : "none rejected";
    const text = `${adds} adds became ${plain} jobs (${how}); with a key ${keyed}`;
    if (keyed !== adds || plain < adds) return { verdict: "breaks", text };
    return { verdict: plain === adds ? "holds" : "partly", text };
  },
};
