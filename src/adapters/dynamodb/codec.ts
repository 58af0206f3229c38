import { StoreCorruptError } from "../../core/errors.js";
import { joinHistory } from "../../core/history.js";
import type { Json } from "../../core/json.js";
import { type JobStatus, STATUSES } from "../../core/lifecycle.js";
import type { StoredJob } from "../../core/ports/store.js";
import type {
  Awaiting,
  CancelRequest,
  Cursors,
  JobRecord,
  PollClaim,
  StoredError,
  StoredFailure,
} from "../../core/record.js";
import type { AttributeValue, Item } from "./client.js";
import { decodeText } from "./text.js";

/**
 * The status of a job whose create is not through yet: its key is not known to be its own. No guard names it, and to
 * everybody but `create` and `purge` there is no such job.
 */
export const PROVISIONAL = "PROVISIONAL";

/** Where a payload is: within the item, or in one of its own under the nonce, but for its tail. */
export type PayloadPlace = { readonly inline: string } | { readonly nonce: string; readonly tail: string };

/** A job's item, read. */
export interface HotJob {
  readonly job: StoredJob;
  readonly item: Item;
  readonly input: PayloadPlace;
  /** `null`: none was written. */
  readonly output: PayloadPlace | null;
}

export function isProvisional(item: Item): boolean {
  return item["status"]?.S === PROVISIONAL;
}

/** @throws StoreCorruptError when the item holds what the store never writes */
export function decodeHot(item: Item): HotJob {
  const reader = new ItemReader(item);
  return {
    job: { record: decodeRecord(reader, reader.status("status")), cursors: decodeCursors(reader) },
    item,
    input: reader.payload("input") ?? reader.corrupt("no input"),
    output: reader.payload("output"),
  };
}

/** A job that is being created, as it will be. */
export function decodeProvisional(item: Item): JobRecord {
  const reader = new ItemReader(item);
  return decodeRecord(reader, reader.status("bornAs"));
}

function decodeCursors(reader: ItemReader): Cursors {
  return (reader.json("cursors") ?? {}) as Cursors;
}

function decodeRecord(item: ItemReader, status: JobStatus): JobRecord {
  return {
    id: item.id,
    kind: item.text("kind"),
    owner: item.textOrNull("owner"),
    subject: item.textOrNull("subject"),
    metadata: item.json("metadata") as Json,
    queue: item.textOrNull("queue"),
    maxAttempts: item.number("maxAttempts"),
    recordVersion: item.number("recordVersion"),
    notifiers: (item.json("notifiers") ?? []) as readonly string[],
    createdAt: item.number("createdAt"),
    origin: item.textOrNull("origin"),
    scope: item.textOrNull("scope"),
    inputHash: item.textOrNull("inputHash"),
    deadlineAt: item.numberOrNull("deadlineAt"),
    retainMs: item.number("retainMs"),
    status,
    version: item.number("version"),
    dispatch: item.number("dispatch"),
    send: item.count("send"),
    releases: item.count("releases"),
    redrives: item.count("redrives"),
    attempt: item.count("attempt"),
    fence: item.count("fence"),
    token: item.textOrNull("token"),
    worker: item.textOrNull("worker"),
    leaseUntil: item.numberOrNull("leaseUntil"),
    phase: item.textOrNull("phase"),
    progress: item.json("progress") as Json,
    percent: item.numberOrNull("percent"),
    etaAt: item.numberOrNull("etaAt"),
    startedAt: item.numberOrNull("startedAt"),
    queuedAt: item.numberOrNull("queuedAt"),
    updatedAt: item.number("updatedAt"),
    finishedAt: item.numberOrNull("finishedAt"),
    readyAt: item.numberOrNull("readyAt"),
    sendAt: item.numberOrNull("sendAt"),
    retryAt: item.numberOrNull("retryAt"),
    lastError: item.json("lastError") as StoredError | null,
    awaiting: item.json("awaiting") as Awaiting | null,
    poll: item.json("poll") as PollClaim | null,
    cancel: item.json("cancel") as CancelRequest | null,
    checkpoint: item.json("checkpoint") as Json,
    failure: item.json("failure") as StoredFailure | null,
    history: item.history(),
    historyTrimmed: item.count("historyTrimmed"),
    wakeAt: item.numberOrNull("wakeAt"),
    purgeAt: item.numberOrNull("purgeAt"),
  };
}

class ItemReader {
  readonly id: string;
  readonly #item: Item;

  constructor(item: Item) {
    this.#item = item;
    this.id = item["pk"]?.S ?? "";
  }

  status(attribute: string): JobStatus {
    const stored = this.#item[attribute]?.S;
    return STATUSES.find((status) => status === stored) ?? this.corrupt("a status that does not exist");
  }

  text(attribute: string): string {
    return this.textOrNull(attribute) ?? this.corrupt(`no ${attribute}`);
  }

  textOrNull(attribute: string): string | null {
    const value = this.#string(attribute);
    if (value === null) return null;
    return this.#parsed(attribute, () => decodeText(value));
  }

  json(attribute: string): unknown {
    const value = this.#string(attribute);
    if (value === null) return null;
    return this.#parsed(attribute, () => JSON.parse(value) as unknown);
  }

  number(attribute: string): number {
    return this.numberOrNull(attribute) ?? this.corrupt(`no ${attribute}`);
  }

  numberOrNull(attribute: string): number | null {
    const value = this.#item[attribute];
    if (value === undefined) return null;
    const number = value.N === undefined ? Number.NaN : Number(value.N);
    return Number.isFinite(number) ? number : this.corrupt(`an unreadable ${attribute}`);
  }

  count(attribute: string): number {
    return this.numberOrNull(attribute) ?? 0;
  }

  /** Each write appended an element of its own. */
  history(): string {
    const chunks = this.#item["history"]?.L ?? this.corrupt("no history");
    return chunks.reduce(
      (joined, { S }) => joinHistory(joined, S ?? this.corrupt("an unreadable history")),
      "",
    );
  }

  payload(part: "input" | "output"): PayloadPlace | null {
    const inline = this.#item[part]?.S;
    if (inline !== undefined) return { inline };
    const nonce = this.#item[`${part}Key`]?.S;
    return nonce === undefined ? null : { nonce, tail: this.#item[`${part}Tail`]?.S ?? "" };
  }

  corrupt(what: string): never {
    throw new StoreCorruptError(this.id, what);
  }

  #string(attribute: string): string | null {
    const value: AttributeValue | undefined = this.#item[attribute];
    if (value === undefined) return null;
    return value.S ?? this.corrupt(`an unreadable ${attribute}`);
  }

  #parsed<T>(attribute: string, parse: () => T): T {
    try {
      return parse();
    } catch {
      return this.corrupt(`an unreadable ${attribute}`);
    }
  }
}
