import type { JobChanges } from "../live/changes.js";

/** Views as they are written: once for all who are sent them. */
const written = new WeakMap<object, string>();

function jsonOf(view: object): string {
  let text = written.get(view);
  if (text === undefined) written.set(view, (text = JSON.stringify(view)));
  return text;
}

/** Most characters of the views and ids of one frame, unless a single view is longer. */
const MOST_CHARS = 64 * 1024;

/** Changes that are still to be written. */
export interface Unwritten {
  readonly changes: JobChanges<object>;
  readonly nextJob: number;
  readonly nextGone: number;
}

export function unwritten(changes: JobChanges<object>): Unwritten {
  return { changes, nextJob: 0, nextGone: 0 };
}

/** One frame's worth of changes. */
export interface Part {
  /** `"jobs":[…],"gone":[…],"snapshot":…,"reset":…` and, unless it is the last, `"more":true`. */
  readonly members: string;
  /** `null`: this was the last. */
  readonly rest: Unwritten | null;
}

/** Writes as much as fits into one frame. */
export function nextPart({ changes, nextJob, nextGone }: Unwritten): Part {
  const jobs: string[] = [];
  const gone: string[] = [];
  let chars = 0;
  let job = nextJob;
  for (; job < changes.jobs.length; job += 1) {
    const text = jsonOf(changes.jobs[job] as object);
    if (jobs.length > 0 && chars + text.length > MOST_CHARS) break;
    chars += text.length;
    jobs.push(text);
  }
  let id = nextGone;
  // Ids come after the jobs: what is gone is short.
  for (; job === changes.jobs.length && id < changes.gone.length; id += 1) {
    const text = JSON.stringify(changes.gone[id]);
    if (chars > 0 && chars + text.length > MOST_CHARS) break;
    chars += text.length;
    gone.push(text);
  }
  const isLast = job === changes.jobs.length && id === changes.gone.length;
  const { snapshot, reset } = changes;
  const members =
    `"jobs":[${jobs.join(",")}],"gone":[${gone.join(",")}],"snapshot":${String(snapshot)},"reset":${String(reset)}` +
    (isLast ? "" : ',"more":true');
  return { members, rest: isLast ? null : { changes, nextJob: job, nextGone: id } };
}
