import type { Store, WriteItem } from "waybill";
import { interceptStore } from "../../src/testing/faults/intercept-store.js";
import type { AppendLog } from "./append-log.js";
import type { OpenStore } from "./torture-store.js";

interface Parts {
  readonly store: Store;
  readonly events: AppendLog;
}

/** Breaks one promise of a worker's, so that a verdict which misses it is seen to be worth nothing. */
type Sabotage = (opened: OpenStore, events: AppendLog) => Parts;

const ends = ({ patch }: WriteItem): boolean => patch.status === "COMPLETED" || patch.status === "FAILED";

/** True for one call in `n`. */
function everyNth(n: number): () => boolean {
  let calls = 0;
  return () => {
    calls += 1;
    return calls % n === 0;
  };
}

/** The same store, as an object whose single methods can be replaced. */
function plainly(store: Store): Store {
  return interceptStore(store, (_method, _items, call) => call());
}

/** Runs a statement for outcomes that were just stored: what a careless colleague's script does. */
function afterOutcome(statement: (item: WriteItem) => string): Sabotage {
  return (opened, events) => {
    const sometimes = everyNth(5);
    const store = plainly(opened.store);
    const write: Store["write"] = async (request) => {
      const reply = await opened.store.write(request);
      for (const [index, item] of request.items.entries()) {
        if (ends(item) && reply.results[index]?.status === "ok" && sometimes())
          opened.statement?.(statement(item));
      }
      return reply;
    };
    return { store: { ...store, write }, events };
  };
}

const SABOTAGES: Readonly<Record<string, Sabotage>> = {
  /** An outcome is written again, around every guard, and with an entry of its own. */
  "overwrites outcomes": afterOutcome(
    ({ id, patch }) =>
      `update waybill_job set status = 'FAILED', version = version + 1,
       history = history || ',[${patch.version + 1},"T6",${Date.now()},1,"late","nobody","error"]' where id = '${id}'`,
  ),
  /** The same, and the trail of the first is wiped out. */
  "replaces outcomes": afterOutcome(
    ({ id }) =>
      `update waybill_job set status = 'FAILED', failure = null, history = replace(history, '"T5"', '"T6"') where id = '${id}'`,
  ),
  "deletes jobs": afterOutcome(({ id }) => `delete from waybill_job where id = '${id}'`),
  /** Fences do not grow. */
  "repeats fences": (opened, events) => {
    const claim: Store["claim"] = async (request) => {
      const reply = await opened.store.claim(request);
      opened.statement?.("update waybill_job set fence = 1 where fence > 1");
      return reply;
    };
    return { store: { ...plainly(opened.store), claim }, events };
  },
  /** A store that says yes to an outcome that it never wrote. */
  "drops outcomes": ({ store }, events) => {
    const sometimes = everyNth(5);
    const write: Store["write"] = async (request) => {
      const dropped = new Set(request.items.filter((item) => ends(item) && sometimes()));
      const kept = request.items.filter((item) => !dropped.has(item));
      const reply = await store.write({ ...request, items: kept });
      return { ...reply, results: filledUp(request.items, dropped, reply.results, { status: "ok" }) };
    };
    return { store: { ...plainly(store), write }, events };
  },
  /** A notifier that says "delivered" and loses it. */
  "loses events": ({ store }, events) => {
    const sometimes = everyNth(7);
    return {
      store,
      events: {
        write: (line) => {
          if (!sometimes()) events.write(line);
        },
      },
    };
  },
};

/** The parts of a worker, as honest as `name` lets them be; `null`: untouched. */
export function sabotaged(name: string | null, opened: OpenStore, events: AppendLog): Parts {
  if (name === null) return { store: opened.store, events };
  const sabotage = SABOTAGES[name];
  if (sabotage === undefined) throw new Error(`no sabotage ${name}`);
  return sabotage(opened, events);
}

/** A store that acknowledges some jobs that it never stored. */
export function losesJobs(store: Store): Store {
  const sometimes = everyNth(5);
  const create: Store["create"] = async (request) => {
    const dropped = new Set(request.items.filter(sometimes));
    const kept = request.items.filter((item) => !dropped.has(item));
    const reply = await store.create({ ...request, items: kept });
    return { ...reply, results: filledUp(request.items, dropped, reply.results, { status: "created" }) };
  };
  return { ...plainly(store), create };
}

/** The answers to what was kept, with `yes` for what was dropped. */
function filledUp<Item, Result>(
  items: readonly Item[],
  dropped: ReadonlySet<Item>,
  results: readonly Result[],
  yes: Result,
): readonly Result[] {
  const rest = [...results];
  return items.map((item) => (dropped.has(item) ? yes : (rest.shift() ?? yes)));
}
