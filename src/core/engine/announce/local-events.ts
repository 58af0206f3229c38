import { EVENT_OF } from "../../job/event.js";
import type { HistoryEntry } from "../../job/history.js";
import { parseJsonText } from "../../json/json-text.js";
import type { JobRecord } from "../../job/record.js";
import { type Announcement, codeOf, type Core } from "../context.js";
import type { Bus } from "./bus.js";
import { eventsOf } from "./events.js";

/** Tells those who listen in this process of changes, those of one job in their order. */
export interface LocalEvents {
  /** @returns how many entries there were to tell of */
  tell(change: Announcement): number;
}

export function createLocalEvents(core: Core, bus: Bus): LocalEvents {
  /** What is being told of a job whose messages read the input: what comes next waits for it. */
  const telling = new Map<string, Promise<void>>();

  const emit = (record: JobRecord, entries: readonly HistoryEntry[], input: unknown): void => {
    try {
      for (const event of eventsOf(core.definitions.get(record.kind), record, entries, input))
        bus.emit(event);
    } catch (error) {
      core.logger.error("a local event could not be made", { code: codeOf(error) });
    }
  };

  const emitInTurn = (record: JobRecord, entries: readonly HistoryEntry[]): void => {
    const { id } = record;
    const before = telling.get(id) ?? Promise.resolve();
    const told = before.then(async () => {
      emit(record, entries, await inputOf(core, id));
      if (telling.get(id) === told) telling.delete(id);
    });
    telling.set(id, told);
  };

  return {
    tell(change) {
      const { record } = change.snapshot;
      // Most processes have no local listener and most jobs no notifier: no history is parsed and no event built for nobody.
      const said = bus.hearsAny() || record.notifiers.length > 0 ? change.entries : [];
      const heard = said.filter((entry) => bus.hears(EVENT_OF[entry.edge]));
      if (heard.length > 0) {
        if (core.definitions.get(record.kind)?.messagesReadInput === true) emitInTurn(record, heard);
        else emit(record, heard, undefined);
      }
      return said.length;
    },
  };
}

/** The stored input, for messages that speak of it. A local event is not worth an error: without it they are general. */
async function inputOf(core: Core, id: string): Promise<unknown> {
  try {
    const stored = await core.gateway.read(id, { input: true });
    return stored?.input === undefined ? undefined : parseJsonText(stored.input);
  } catch {
    return undefined;
  }
}
