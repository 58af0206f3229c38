import { pathToFileURL } from "node:url";

/** What a job carries: about 200 bytes of JSON. */
export interface Payload {
  readonly i: number;
  readonly user: string;
  readonly note: string;
}

/** What its handler answers. */
export interface Output {
  readonly ok: true;
  readonly i: number;
}

/** How jobs are worked on. */
export interface WorkMode {
  readonly concurrency: number;
  /** Jobs that may be claimed ahead of a free handler; 0: every outcome is durable before the next claim. */
  readonly ahead: number;
  /** With default settings, and told of new jobs where the contestant can tell: how long one job waits is what counts. */
  readonly alert: boolean;
}

export interface Working {
  stop(): Promise<void>;
}

/** One way to keep jobs on one engine: Waybill, a peer, or the raw floor. */
export interface Contestant {
  /** Makes empty storage; what was there before is gone. */
  prepare(): Promise<void>;
  /** One job by a call of its own; resolves when it is durable. */
  submit(payload: Payload): Promise<void>;
  /** Many jobs in the cheapest way that there is, to have something to work on. */
  load(payloads: readonly Payload[]): Promise<void>;
  /** Begins to work. `recorded` is told how many outcomes were answered as stored, as soon as they are. */
  work(mode: WorkMode, recorded: (count: number) => void): Promise<Working>;
  /** How many jobs are stored as done; `null`: it keeps none of them. */
  done(): Promise<number | null>;
  close(): Promise<void>;
}

/** Where a contestant finds its engine: what its `Engine` passes to the processes that measure. */
export type Place = Readonly<Record<string, string>>;

export type OpenContestant = (place: Place) => Promise<Contestant>;

/** Loads a contestant's module, which exports `open`. */
export async function openContestant(module: string, place: Place): Promise<Contestant> {
  const { open } = (await import(pathToFileURL(module).href)) as { readonly open: OpenContestant };
  return open(place);
}

const NOTE = "a note of the length that such notes have, so that a job is of the size that jobs are; "
  .repeat(2)
  .slice(0, 140);

export function payloadOf(i: number): Payload {
  return { i, user: `user-${String(i % 1_000).padStart(4, "0")}`, note: NOTE };
}

export function payloads(from: number, count: number): Payload[] {
  return Array.from({ length: count }, (_, index) => payloadOf(from + index));
}

let started: ((i: number) => void) | null = null;

/** Says when a handler begins, of whichever contestant runs in this process. */
export function onStart(listener: (i: number) => void): void {
  started = listener;
}

export async function handle({ i }: Payload): Promise<Output> {
  started?.(i);
  return { ok: true, i };
}
