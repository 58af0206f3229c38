import type {
  AdvanceRequest,
  AnyStore,
  BeatRequest,
  ByRefRequest,
  ClaimRequest,
  CreateRequest,
  ListRequest,
  ParkedRequest,
  ParkRequest,
  PulseRequest,
  PurgeRequest,
  ReadRequest,
  StoredJob,
  StoreReply,
  StoreRequest,
  TakeDueRequest,
  WriteRequest,
} from "../../../core/ports/store.js";

interface Requests {
  readonly create: CreateRequest<never>;
  readonly read: ReadRequest;
  readonly write: WriteRequest;
  readonly beat: BeatRequest;
  readonly claim: ClaimRequest;
  readonly takeDue: TakeDueRequest;
  readonly advance: AdvanceRequest;
  readonly list: ListRequest;
  readonly byRef: ByRefRequest;
  readonly park: ParkRequest;
  readonly parked: ParkedRequest;
  readonly unpark: StoreRequest & { readonly ids: readonly string[] };
  readonly pulse: PulseRequest;
  readonly health: StoreRequest;
  readonly purge: PurgeRequest;
}

type WithoutNow<T> = T extends StoreRequest ? Omit<T, "nowMs"> : never;

/** One call of the port as data, so that a store and its model can be asked the same. */
export type Call = {
  [M in keyof Requests]: { readonly method: M; readonly request: WithoutNow<Requests[M]> };
}[keyof Requests];

/** What any reply may hold, as far as it is compared. */
export interface Reply extends StoreReply {
  readonly results?: readonly { readonly status: string; readonly job?: StoredJob }[];
  readonly jobs?: readonly (StoredJob | null)[] | number;
  readonly claimed?: readonly StoredJob[];
  readonly unreadable?: readonly string[];
}

export async function perform(store: AnyStore, { method, request }: Call, nowMs: number): Promise<Reply> {
  const ask = store[method].bind(store) as (request: unknown) => Promise<Reply>;
  return ask({ ...request, nowMs });
}

/**
 * The instant that a call was decided at. Of a store that is spread over several clocks a reply tells one of them; what was
 * taken says by itself when.
 */
export function decidedAt(call: Call, { nowMs, jobs }: Reply): number {
  const [first] = typeof jobs === "number" ? [] : (jobs ?? []);
  if (first === null || first === undefined) return nowMs;
  if (call.method === "claim" && call.request.next?.limit === 1) return first.record.updatedAt;
  if (call.method === "takeDue") return (first.record.wakeAt ?? nowMs) - call.request.holdMs;
  return nowMs;
}

/** What of a reply the contract determines. `held`: the jobs that the token of a claim held before, in whatever order. */
export function shown(call: Call, reply: Reply, held: ReadonlySet<string> = new Set()): unknown {
  // What a store may leave out is not compared.
  const { nowMs: _, unreadable: __, nextReady: ___, ...rest } = reply as Reply & Record<string, unknown>;
  if (call.method === "claim" && "next" in call.request)
    return { ...rest, jobs: heldByIdFirst(reply.jobs, held) };
  if (call.method === "write") {
    const claimed = reply.claimed === undefined ? [] : heldByIdFirst(reply.claimed, held);
    return { ...rest, claimed };
  }
  if (call.method === "takeDue") return { ...rest, nextDueAt: null };
  if (call.method === "health") return { ...rest, oldestExpiredAt: null, oldestReadyAt: null };
  return rest;
}

function heldByIdFirst(jobs: Reply["jobs"], held: ReadonlySet<string>): readonly unknown[] {
  if (!Array.isArray(jobs)) return [];
  const all = jobs as readonly StoredJob[];
  const isHeld = ({ record }: StoredJob): boolean => held.has(record.id);
  const first = all.filter(isHeld).sort((a, b) => (a.record.id < b.record.id ? -1 : 1));
  const rest = all.filter((job) => !isHeld(job));
  return [first, rest, all.slice(0, first.length).every(isHeld)];
}

/** A call in few words, for people: what it named and what it said. */
export function inWords({ method, request }: Call): string {
  return `${method}(${JSON.stringify(request, shorter)})`;
}

const MOST_TEXT = 60;

function shorter(key: string, value: unknown): unknown {
  if (key === "terms") return undefined;
  if (typeof value !== "string" || value.length <= MOST_TEXT) return value;
  return `${value.slice(0, MOST_TEXT)}… (${String(value.length)} characters)`;
}
