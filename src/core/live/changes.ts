/** What an observer is told at once: the same in a process, on the wire and in a client. */
export interface JobChanges<J> {
  /** Jobs that are new here or changed, in no order; the newest version of each. */
  readonly jobs: readonly J[];
  /** Ids of jobs that are not to be seen here any more: removed, or pushed out by newer ones. */
  readonly gone: readonly string[];
  /** The first: all there is, but for what the observer said that it knows. */
  readonly snapshot: boolean;
  /** The store lost writes, and shows less than was told before: the only case in which a version falls. */
  readonly reset: boolean;
}
