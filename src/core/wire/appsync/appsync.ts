import type { ServerEvent } from "../../job/event.js";
import type { PublicView } from "../../view/public-view.js";
import { clipToBytes, jsonBytes } from "./appsync-size.js";

/** What a subscriber of the GraphQL API gets of one change: six fields, no more. */
export interface AppSyncUpdate {
  readonly id: string;
  readonly action: string;
  /** The kind's word for the status. */
  readonly status: string;
  /** When the change happened: whole seconds since 1970, as `AWSTimestamp` has them. */
  readonly timestamp: number;
  readonly message: string;
  /** Subscriptions filter by it; `null`: nobody's. */
  readonly userEmail: string | null;
}

/**
 * The six, and what a reader needs to put the changes of several jobs of one `id` in order, and to draw a bar. `phase`,
 * `percent` and `progress` are those of the job as it was stored when the update was sent: they may be newer than the change.
 */
export interface AppSyncExtendedUpdate extends AppSyncUpdate {
  /** `null`: the update is about no job (`send`). */
  readonly jobId: string | null;
  readonly version: number | null;
  readonly phase: string | null;
  /** 0–1. */
  readonly percent: number | null;
  /** JSON text, as `AWSJSON` wants it. */
  readonly progress: string | null;
  /** Something was left out, or cut, to keep within AppSync's size; read the job for the rest. */
  readonly truncated: boolean;
}

/** Where the fields that AppSync's readers know come from. */
export interface UpdateSource {
  readonly id: string;
  readonly action: string;
  readonly userEmail: string | null;
}

/**
 * The variables' types, in the order of the request. Each is asked for with `!` where it has a value, which fits a schema
 * that insists on it and one that does not.
 */
const TYPES = {
  id: "ID",
  action: "String",
  status: "String",
  timestamp: "AWSTimestamp",
  message: "String",
  userEmail: "String",
  jobId: "ID",
  version: "Int",
  phase: "String",
  percent: "Float",
  progress: "AWSJSON",
  truncated: "Boolean",
} as const satisfies Record<keyof AppSyncExtendedUpdate, string>;

/** The name under which the answer to an update of a request is found. */
export function aliasOf(place: number): string {
  return `u${place}`;
}

/** The place of the update that an alias, or one of its variables, belongs to; `null`: it is neither. */
export function placeOf(name: string): number | null {
  const place = /^u(\d{1,3})(?:_|$)/.exec(name)?.[1];
  return place === undefined ? null : Number(place);
}

/** The six fields of an event. */
export function updateOf(event: ServerEvent, { id, action, userEmail }: UpdateSource): AppSyncUpdate {
  return {
    id,
    action,
    status: event.word,
    timestamp: wholeSeconds(event.at),
    message: event.message,
    userEmail,
  };
}

/** @param view - the job as it is stored; `null`: it is gone, and only the event speaks */
export function extendedUpdateOf(
  event: ServerEvent,
  source: UpdateSource,
  view: PublicView | null,
): AppSyncExtendedUpdate {
  const progress = view?.progress ?? null;
  return {
    ...updateOf(event, source),
    jobId: event.jobId,
    version: event.version,
    phase: event.phase ?? view?.phase ?? null,
    percent: view?.percent ?? null,
    progress: progress === null ? null : JSON.stringify(progress),
    truncated: false,
  };
}

/** Rounded down: a change is never said to lie ahead. */
export function wholeSeconds(at: Date): number {
  return Math.floor(at.getTime() / 1000);
}

/**
 * The body of the request that tells several updates at once. Each has its alias, and so its own answer; AppSync runs them
 * one after the other. What is selected is what subscribers get, so all that is sent is selected.
 */
export function mutationBody(mutation: string, updates: readonly AppSyncUpdate[]): string {
  const variables: Record<string, unknown> = {};
  const declared: string[] = [];
  const fields = updates.map((update, place) => {
    const alias = aliasOf(place);
    const names = namesOf(update);
    for (const name of names) {
      const value = (update as AppSyncExtendedUpdate)[name];
      variables[`${alias}_${name}`] = value;
      declared.push(`$${alias}_${name}: ${TYPES[name]}${value === null ? "" : "!"}`);
    }
    const given = names.map((name) => `${name}: $${alias}_${name}`).join(", ");
    return `${alias}: ${mutation}(${given}) { ${names.join(" ")} }`;
  });
  const query = `mutation Waybill(${declared.join(", ")}) { ${fields.join(" ")} }`;
  return JSON.stringify({ query, operationName: "Waybill", variables });
}

function namesOf(update: AppSyncUpdate): (keyof AppSyncExtendedUpdate)[] {
  return (Object.keys(TYPES) as (keyof AppSyncExtendedUpdate)[]).filter((name) => name in update);
}

/**
 * The update within a size: first without progress, then with its message cut. `null`: its names alone are too long.
 *
 * @param mostBytes - of the update as JSON, in UTF-8
 */
export function fitUpdate<U extends AppSyncUpdate>(update: U, mostBytes: number): U | null {
  if (jsonBytes(update) <= mostBytes) return update;
  const lean: U = "truncated" in update ? { ...update, progress: null, truncated: true } : update;
  const rest = jsonBytes({ ...lean, message: "" });
  const message = clipToBytes(lean.message, mostBytes - rest);
  return message === null ? null : { ...lean, message };
}
