import type { Awaiting, JobRecord } from "../../../core/job/record.js";
import type { ByRefReply, ByRefRequest, StoredJob } from "../../../core/ports/store.js";
import type { Item } from "../client/client.js";
import type { Connection } from "../client/connection.js";
import { Expression, Update } from "../client/expression.js";
import { numeric } from "./fields.js";
import { readReadable } from "./items.js";
import { idOfPlace, place, refPartition, TTL_ATTRIBUTE } from "../names.js";
import { asWellAsMayBe, beforeTheJob } from "./payload.js";

const MAX_JOBS_BY_REF = 10;
/** A page of keys, and how many of these are looked through: jobs that ended without clearing up lie between. */
const PAGE = 25;
const MAX_PAGES = 40;

const DAY_SECONDS = 86_400;
/** A job does not await beyond its deadline; somebody may be late to say so. */
const TTL_AFTER_DEADLINE_SECONDS = 30 * DAY_SECONDS;

export type Named = Pick<JobRecord, "id" | "kind" | "createdAt">;

/**
 * Makes a job findable by the keys of outside work, before it says that it awaits it: found too early, it is read and left
 * out again; found too late, an event from outside would be lost.
 */
export async function addRefs(
  connection: Connection,
  job: Named,
  { refKeys, deadlineAt }: Awaiting,
  { version, expires }: { readonly version: number; readonly expires: boolean },
): Promise<void> {
  await beforeTheJob(() =>
    Promise.all(
      [...new Set(refKeys)].map((refKey) => {
        const update = new Update()
          .set("version", numeric(version))
          .whenAbsentOrBelow("version", numeric(version));
        if (expires)
          update.set(TTL_ATTRIBUTE, numeric(Math.ceil(deadlineAt / 1000) + TTL_AFTER_DEADLINE_SECONDS));
        // Refused: it is there already, by as new a change.
        return connection.update(refItem(job, refKey), update);
      }),
    ),
  );
}

/** Takes away keys that the change of `version` ended; one that a later change named again stays. */
export async function dropRefs(
  connection: Connection,
  job: Named,
  refKeys: readonly string[],
  version: number,
): Promise<void> {
  await Promise.all(
    [...new Set(refKeys)].map((refKey) =>
      asWellAsMayBe(() => {
        const expression = new Expression();
        const ConditionExpression = `${expression.name("version")} <= ${expression.value(numeric(version))}`;
        return connection.delete(refItem(job, refKey), { ConditionExpression, ...expression.parts() });
      }),
    ),
  );
}

function refItem({ id, kind, createdAt }: Named, refKey: string) {
  return { pk: refPartition(kind, refKey), sk: place(createdAt, id) };
}

/** The newest jobs that await outside work with this key. Strong: keys are in the table itself, and jobs are read there. */
export async function jobsByRef(
  connection: Connection,
  { kind, refKey, owner }: ByRefRequest,
): Promise<Omit<ByRefReply, "nowMs">> {
  const jobs: StoredJob[] = [];
  const unreadable: string[] = [];
  const found = (): Omit<ByRefReply, "nowMs"> => (unreadable.length === 0 ? { jobs } : { jobs, unreadable });
  let start: Item | undefined;
  for (let page = 0; page < MAX_PAGES; page += 1) {
    const expression = new Expression();
    const { Items = [], LastEvaluatedKey } = await connection.query({
      KeyConditionExpression: `${expression.name("pk")} = ${expression.value({ S: refPartition(kind, refKey) })}`,
      ...expression.parts(),
      ConsistentRead: true,
      ScanIndexForward: false,
      Limit: PAGE,
      ...(start === undefined ? {} : { ExclusiveStartKey: start }),
    });
    const ids = Items.map((item) => idOfPlace(item["sk"]?.S ?? ""));
    const read = await readReadable(connection, ids);
    unreadable.push(...read.unreadable);
    for (const hot of read.jobs) {
      if (hot?.job.record.kind !== kind || hot.job.record.awaiting?.refKeys.includes(refKey) !== true)
        continue;
      if (owner !== undefined && hot.job.record.owner !== owner) continue;
      jobs.push(hot.job);
      if (jobs.length >= MAX_JOBS_BY_REF) return found();
    }
    if (LastEvaluatedKey === undefined) return found();
    start = LastEvaluatedKey;
  }
  return found();
}
