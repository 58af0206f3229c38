import { type EdgeId, EDGES, isFinal, type JobStatus } from "../core/job/lifecycle.js";

/** What a history is checked by: the edge of each entry and its version. */
export interface CheckedEntry {
  readonly version: number;
  readonly edge: EdgeId;
  readonly transitionId: string;
}

/** What is wrong with a history. */
export interface HistoryFault {
  /**
   * - `S1`: an edge that does not begin where the one before ended.
   * - `S2`: an entry behind a final one.
   * - `S4`: versions that do not rise.
   * - `S8`: a transition id that took effect twice.
   */
  readonly rule: "S1" | "S2" | "S4" | "S8";
  readonly version: number;
  readonly text: string;
}

/**
 * Checks the whole history of one job, oldest entry first: legal edges, rising versions, nothing behind the end, each
 * transition id in one place. Empty: nothing is wrong.
 *
 * @param from - the status before the first entry, where older ones were trimmed; `null`: the job did not exist
 */
export function checkHistory(
  entries: readonly CheckedEntry[],
  from: JobStatus | null = null,
): readonly HistoryFault[] {
  const faults: HistoryFault[] = [];
  const places = new Map<string, number>();
  let status = from;
  let last = 0;
  for (const [index, { version, edge, transitionId }] of entries.entries()) {
    const { from: begins, to } = EDGES[edge];
    if (status !== null && isFinal(status)) {
      faults.push({ rule: "S2", version, text: `${edge} comes behind ${status}` });
    } else if (begins !== status) {
      faults.push({ rule: "S1", version, text: `${edge} does not lead on from ${status ?? "nothing"}` });
    }
    if (version <= last) faults.push({ rule: "S4", version, text: `comes behind version ${String(last)}` });
    // The entries of one write stand side by side and share its id.
    const place = places.get(transitionId);
    if (place !== undefined && place !== index - 1) {
      faults.push({ rule: "S8", version, text: "its transition id took effect before" });
    }
    places.set(transitionId, index);
    status = to;
    last = version;
  }
  return faults;
}
