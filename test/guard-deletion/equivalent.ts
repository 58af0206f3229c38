/** A guard that nothing can be seen of when it is taken out, and why. */
export interface Equivalent {
  /** Its key, or what the keys of all of a sort look like. */
  readonly guard: string | RegExp;
  readonly reason: string;
}

export function matches({ guard }: Equivalent, key: string): boolean {
  return typeof guard === "string" ? guard === key : guard.test(key);
}

const TWICE = "The index that is asked and the row itself are looked at alike: either alone keeps it.";
const UNDER_NULL =
  "Nothing is ever looked for under null, so what is kept or removed there makes no difference.";
const SAVES_WORK = "What is done is the same; it is only done where nothing has changed too.";
const IN_STEP = "Rows and indexes change together: an index names no row that is not there.";

const MEMORY: readonly Equivalent[] = [
  { guard: "store-semantics.ts: kind === undefined → false", reason: TWICE },
  { guard: "store-semantics.ts: !isReady(record, nowMs) → false", reason: TWICE },
  { guard: /^store-semantics\.ts: at (!== null|<= nowMs) → true$/, reason: TWICE },
  { guard: /^store-semantics\.ts: dueAt (=== null|> nowMs) → false$/, reason: TWICE },
  { guard: "store.ts: dueAt === null → false", reason: TWICE },
  { guard: "store-queries.ts: first.at > nowMs #2 → false", reason: TWICE },
  { guard: "store-semantics.ts: wakeAt !== null → true", reason: "Null is later than nothing." },
  { guard: "store.ts: record.scope === null → false", reason: UNDER_NULL },
  { guard: /^store-table\.ts: record\.(scope|subject) !== null( #2)? → true$/, reason: UNDER_NULL },
  { guard: "store-table.ts: before !== null #2 → true", reason: UNDER_NULL },
  { guard: "store-table.ts: after === null #2 → false", reason: UNDER_NULL },
  { guard: "store-table.ts: id === undefined → false", reason: UNDER_NULL },
  { guard: "store.ts: row !== undefined → true", reason: IN_STEP },
  { guard: /^store-queries\.ts: row !== undefined( #2)? → true$/, reason: IN_STEP },
  { guard: "store-queries.ts: row === undefined → false", reason: IN_STEP },
  {
    guard: /^store-queries\.ts: first === null #[24] → false$/,
    reason: "Where there is no first there is no row of it, and the row is asked for beside it.",
  },
  {
    guard: /^store-queries\.ts: (request\.undeliverable !== true|hasGivenUp\(cursors\)) → true$/,
    reason: "What is undeliverable is listed by an index that holds nothing else.",
  },
  {
    guard: "store-queries.ts: kind === undefined → false",
    reason: "JSON writes a kind that is not there as null, which is how the index of all kinds is named.",
  },
  { guard: /^store-table\.ts: (was|is) !== null → true$/, reason: UNDER_NULL },
  { guard: "store-table.ts: was !== is → true", reason: SAVES_WORK },
  { guard: /^store-table\.ts: (after === before|before === after) → false$/, reason: SAVES_WORK },
  {
    guard: "store-table.ts: before?.record.awaiting !== after?.record.awaiting → true",
    reason: SAVES_WORK,
  },
  { guard: "store-table.ts: gaveUp → true", reason: "What is not in an index can be taken out of it." },
  { guard: "store-table.ts: held?.size === 0 → false", reason: "An empty set holds as much as none." },
];

const SKIPS_NOTHING =
  "A kind of which nothing is ready adds no instant to the least: it only keeps the walk in its index.";

const ANY_OF_ONE_INSTANT = "Of those that were kept to one instant any may go first.";

const SQLITE: readonly Equivalent[] = [
  {
    guard: "begin ⟦immediate⟧",
    reason:
      "A transaction that begins without the lock takes it at its first write; where another one has committed since it " +
      "read, SQLite refuses that write as busy, and the store rolls back and begins again. It is only later.",
  },
  {
    guard:
      "select json_group_array(…) as ready from  › select seq, kind, ready_at, id from waybill_job limit ⟦?⟧",
    reason: "The store takes no more than the limit of what it is answered: it only keeps the answer short.",
  },
  { guard: "kinds: select min(…) from waybill_job where ⟦ready_at is not null⟧", reason: SKIPS_NOTHING },
  {
    guard:
      "kinds: select  › select min(…) from waybill_job where ⟦ready_at is not null⟧ and kind > kinds.kind",
    reason: SKIPS_NOTHING,
  },
  {
    guard: /^select min\(…\) from waybill_job where ⟦waybill_job\.kind = kinds\.kind⟧ and ready_at <= \? /,
    reason:
      "The least over the kinds of the least of each is the least of all: it only keeps each look-up in its index.",
  },
  {
    guard: "select min(…) as at from kinds where ⟦kind is not null⟧",
    reason: "No job is of no kind, so the last row of the walk adds nothing.",
  },
  {
    guard:
      "select json_group_array(…) as ids from json_each where ⟦waybill_job.id = w.value⟧ and not exists (select …)",
    reason: "Every other job has its input; the answer is only searched for what was just given.",
  },
  {
    guard:
      "select id, ready_at from waybill_job where kind = ? and ⟦ready_at > ?⟧ and status = 'QUEUED' and queue is null and record_version <= ?",
    reason: "What was due is claimed by then, in the same transaction, or could not be read.",
  },
  {
    guard: "select id, ready_at from waybill_job order by ready_at, ⟦id⟧",
    reason: "Of those that are ready at one instant any may be told.",
  },
  {
    guard: "select id, ready_at from waybill_job limit ⟦1⟧",
    reason: "The store takes the first of what it is answered: it only keeps the answer short.",
  },
  {
    guard: "delete waybill_job › select seq from waybill_job order by purge_at, ⟦seq⟧",
    reason: ANY_OF_ONE_INSTANT,
  },
  { guard: "coalesce (max(seq), ⟦0⟧)", reason: "The store reads null as 0." },
  {
    guard: "select seq, jobs, hints from waybill_hint limit ⟦?⟧",
    reason: "All is then read in one go: it only keeps the process from standing still.",
  },
];

const ONE_ROW = "A key has one row: the limit tells the planner so, and nothing else.";
const LANE =
  "Every row of such a batch has lane 0: the condition makes the planner look each job up by its key.";
const IMPLIED =
  "What is not there is neither earlier nor later than now: it only lets the partial index be used.";
const NOT_SHOWN = "A refusal is decoded without the input: the condition only keeps it from being sent.";
const ALWAYS_GIVEN = "A cursor that is given has both numbers; only what is stored may lack one.";
const NULL_IS_NOT_LESS =
  "A comparison with null holds no more than one with 0 does: no place, attempt or instant is less than 0.";

const POSTGRES: readonly Equivalent[] = [
  { guard: /^select clock.* › select job limit ⟦1⟧$/, reason: ONE_ROW },
  {
    guard: /^(taken|moved|beaten|postponed|purged): (update|delete) job where ⟦[wp]\.lane = #⟧ and /,
    reason: LANE,
  },
  { guard: /⟦j\.ready_at is not null⟧.* and j\.ready_at (<=|>) /, reason: IMPLIED },
  {
    guard: "page: select id, created_at from seen limit ⟦$::text::bigint⟧",
    reason: "The store takes no more than the limit of what it is answered: it only keeps the answer short.",
  },
  {
    guard: "taken: set dispatch: greatest (⟦j.dispatch⟧, w.dispatch)",
    reason: "The condition beside it lets no dispatch through that is lower than the stored one.",
  },
  {
    guard:
      /› case +when (⟦j\.status = 'PROCESSING' and j\.token = w\.token⟧ always|⟦j\.status = 'PROCESSING'⟧ and .*|.* and ⟦j\.token = w\.token⟧)$/,
    reason: NOT_SHOWN,
  },
  {
    guard: /^moved: .*coalesce \(\(given\.value ->> '(upTo|attempts)'\)::bigint, ⟦0⟧\)$/,
    reason: ALWAYS_GIVEN,
  },
  {
    guard:
      /^moved: (set (wake_at|purge_at): |returning )coalesce \(\(given\.value ->> 'retryAt'\)::bigint, ⟦0⟧\)$/,
    reason: NULL_IS_NOT_LESS,
  },
  {
    guard: /^moved: returning coalesce \(\(j\.cursors -> given\.key ->> '(upTo|attempts)'\)::bigint, ⟦0⟧\)$/,
    reason: "It is told of the row as it has become: every name that was given is in it, with both numbers.",
  },
  {
    guard: "select clock › select job where j.id = w.id and ⟦beaten.id is null⟧",
    reason: "What was beaten is told first, and the row beside it is not read: it only saves the look-up.",
  },
  {
    guard: "free: greatest (⟦0⟧, t.n - (select …))",
    reason: "No more is read of what is held than is asked for: nothing is left, and never less.",
  },
  {
    guard: /^quota: .* and ⟦j\.ready_at <= \(select …\)⟧ and /,
    reason: "What is not ready yet comes behind all that is; it is counted in vain, and not picked.",
  },
  {
    guard: /^quota: .* › select j\.ready_at, j\.id from job limit ⟦\(select n from free\)⟧$/,
    reason: "The limit around it keeps as many: no kind is only read further than is taken.",
  },
  {
    guard: /^next: .* › select j\.id, j\.ready_at from job limit ⟦1⟧$/,
    reason: "The order and the limit around it keep the first of all kinds: no kind is only read further.",
  },
  {
    guard: /^next: .* order by [jr]\.ready_at, ⟦[jr]\.id⟧$/,
    reason: "Of those that are ready at one instant any may be told.",
  },
  {
    guard: /^next: .* from k where ⟦?\(select …\)\) < \(select …\)⟧$/,
    reason: "Where all came that was asked for, nobody looks at what is next: it only saves the look-up.",
  },
  {
    guard: /› select null where ⟦false⟧$/,
    reason: "It stands in a statement for no item at all.",
  },
  {
    guard:
      /^kinds: select (kind|› select j\.kind| › select j\.kind) from job where .*⟦(j\.)?(status = 'QUEUED'|queue is null|ready_at is not null)⟧/,
    reason: SKIPS_NOTHING,
  },
  {
    guard: "kinds: select kind from job limit ⟦1⟧",
    reason: "The walk then begins at every job, and comes to the same kinds.",
  },
  { guard: /^coalesce \((\(select …\)|max\(version\)), ⟦0⟧\)$/, reason: "The store reads null as 0." },
  {
    guard: /› select min\(…\) from job where ⟦j\.kind = kinds\.kind⟧ and /,
    reason:
      "The least over the kinds of the least of each is the least of all: it only keeps each look-up in its index.",
  },
  {
    guard: /› select min\(…\) from job where .*⟦ready_at is not null⟧ and ready_at <= /,
    reason: IMPLIED,
  },
  {
    guard: /› select min\(…\) from kinds where ⟦kinds\.kind is not null⟧$/,
    reason: "No job is of no kind, so the last row of the walk adds nothing.",
  },
  {
    guard: /^seen: coalesce \(j\.(owner|subject) = \$::text, ⟦false⟧\)$/,
    reason: "What is neither is not wanted either: a condition that is null lets nothing through.",
  },
  {
    guard: "picked: select j.id, (…) as lane from job order by j.purge_at, ⟦j.id⟧",
    reason: ANY_OF_ONE_INSTANT,
  },
];

const NOT_ASKED_FOR =
  "The store leaves out what was not asked for: the condition only keeps it from being sent.";
const NO_SUCH_ARGUMENT =
  "It counts what is there: behind the last one there is nothing, and nothing is done to it or read of it.";
const TAKES_NO_MORE =
  "Whoever goes through the answer takes no more than the limit of it: it only keeps the answer short.";
const READY_COMES_FIRST =
  "What is not due yet comes behind all that is: a shard that is counted for it in vain answers with less.";

const REDIS: readonly Equivalent[] = [
  {
    guard: "finish: wrote and 1 or ⟦0⟧",
    reason: "The store reads null as 0.",
  },
  { guard: "cursors: if ⟦byte(doc,CURSORS)==49⟧ always", reason: SAVES_WORK },
  { guard: "fixed: if ⟦doc~=known⟧ always", reason: SAVES_WORK },
  {
    guard: /^reindex: if ⟦(wake~=wakeWas|purge~=purgeWas|list~=listed|is~=was)⟧ always$/,
    reason: SAVES_WORK,
  },
  {
    guard: "reindex: old and state(old) or ⟦nil⟧",
    reason: "A new job was in no list, whichever way that is said.",
  },
  { guard: "CLAIM_READY: if ⟦#out<5*ARGV[at+1]⟧ always", reason: NOT_ASKED_FOR },
  {
    guard:
      /^(nextReady|TAKE_DUE|PEEK): C\('ZRANGEBYSCORE',.*,'\('\.\.nows,'\+inf','WITHSCORES','LIMIT',0,⟦1⟧\)$/,
    reason: TAKES_NO_MORE,
  },
  {
    guard: "BY_REF: for ⟦990⟧",
    reason: "It then goes on to the end of the index, and takes no more of it.",
  },
  {
    guard: "inputOf: ⟦byte(doc,INPUT)==107⟧ and C('GET',T..':i:'..id)",
    reason: "What a document holds itself has no key beside it: it is asked for in vain.",
  },
  { guard: /^show: doc and ⟦(input|output)⟧ and /, reason: NOT_ASKED_FOR },
  { guard: /^(READ|LIST): ⟦ARGV\[A\+[12]\]=='1'⟧ → true$/, reason: NOT_ASKED_FOR },
  { guard: "WRITE: for ⟦count⟧", reason: NO_SUCH_ARGUMENT },
  { guard: /^(CLAIM_BY_MESSAGE|BEAT): for ⟦count⟧( #2)?$/, reason: NO_SUCH_ARGUMENT },
  { guard: "PURGE_SETTLED: for ⟦parked⟧", reason: NO_SUCH_ARGUMENT },
  {
    guard: /^(CREATE|PURGE_SETTLED): if ⟦scope~=''⟧( always| and C\('GET',key\)==id)$/,
    reason: "No job has an empty scope as it is stored: nothing is found under it.",
  },
  { guard: "CREATE: if ⟦seldom~=''⟧ always", reason: "What is empty names no reference key." },
  {
    guard: /^PURGE_SETTLED: if ⟦(owner~=''|subject~=''|slot\(doc,WAKE\)~=NONE|ready\(doc\))⟧ always$/,
    reason: "What is not in an index can be taken out of it.",
  },
  {
    guard: "PURGE_SETTLED: if ⟦byte(doc,CURSORS)==49⟧ always",
    reason: "What is not in an index can be taken out of it.",
  },
  {
    guard: "PURGE_SETTLED: if ⟦ARGV[A+2]~=''⟧ always",
    reason: "Redis reads an empty bound as 0: no message was parked before.",
  },
  {
    guard: /^(LIST: while ⟦taken<=most⟧|TAKE_DUE: while ⟦#ids<limit⟧|PEEK: while ⟦#out<2\*limit⟧) always$/,
    reason: "It then goes on to the end of the index, and takes no more of it.",
  },
  {
    guard: /^LIST: math\.min\((⟦looked\+100⟧,#places,most|looked\+100,#places,⟦most⟧)\)$/,
    reason: "No more is shown than is asked for: it only keeps documents from being read.",
  },
  { guard: /^claimNext: if ⟦(need>0|#list>0|sources>1)⟧ always$/, reason: SAVES_WORK },
  { guard: "claimNext: apart or (docs[i] and ⟦byte(docs[i],INPUT)==107⟧)", reason: SAVES_WORK },
  { guard: "claimNext: ⟦apart⟧ and C('MGET',unpack(names)) or {}", reason: SAVES_WORK },
  {
    guard: "moveRefs: if ⟦not stays[key]⟧ always",
    reason: "What is taken out of an index and added to it in one call is added last.",
  },
  { guard: /^WRITE: seldom=='' and \(.*⟦(changes==''|byte\(changes\)==110)⟧.*\)$/, reason: SAVES_WORK },
  { guard: "WRITE: if ⟦changes..output~=''⟧ always", reason: SAVES_WORK },
  { guard: "WRITE: if ⟦bare⟧ never", reason: SAVES_WORK },
  { guard: "WRITE: if ⟦before~=after⟧ always", reason: SAVES_WORK },
  { guard: /^list: if (gaveUp and ⟦not listed⟧|⟦listed and not gaveUp⟧ always)$/, reason: SAVES_WORK },
  { guard: /^list: if (listed and ⟦not gaveUp⟧|⟦listed⟧ and not gaveUp)$/, reason: SAVES_WORK },
  {
    guard: "ADVANCE: if ⟦wake~=NONE⟧ and wake>ARGV[at+6]",
    reason: "Where there is no wake-up the text for none comes before every instant.",
  },
  {
    guard: /^ADVANCE: if ⟦(flag~='1'|wake\.\.purge~=sub\(doc,WAKE,UPDATED-1\))⟧ always$/,
    reason: SAVES_WORK,
  },
  { guard: "ADVANCE: ⟦flag=='1'⟧ and C('HGETALL',key)", reason: SAVES_WORK },
  {
    guard: /^(TAKE_DUE|PEEK): ⟦after=='' and '-inf'⟧ or after$/,
    reason: "Redis reads an empty bound as 0, and every wake-up is later.",
  },
  { guard: /^(TAKE_DUE|PEEK|PEEK_READY): C\('ZRANGEBYSCORE',.*,⟦limit⟧\)$/, reason: TAKES_NO_MORE },
  {
    guard: /^BY_REF: if (⟦#ids<10 or #out>=30⟧ never|⟦#ids<10⟧ or #out>=30|#ids<10 or ⟦#out>=30⟧)$/,
    reason: SAVES_WORK,
  },
  { guard: "PEEK_READY: math.min(⟦limit⟧,#found)", reason: TAKES_NO_MORE },
  { guard: "PEEK: if ⟦#out<2*limit⟧ and (list[j+1]~=after or list[j]>behind)", reason: TAKES_NO_MORE },
  { guard: /^PEEK(_READY)?: C\('ZRANGEBYSCORE',.*,⟦nows⟧,/, reason: READY_COMES_FIRST },
];

const TYPES_ONLY = "It tells the compiler what the code around it makes sure of.";
const BOTH_KEYS = "An item is in an index only with both of its keys: either alone takes it out.";
const NO_READER =
  "Nobody looks at the item that a refusal of this request met: it only keeps nothing from being sent.";
const UNBORN_HAS_NONE = "An provisional job has none, or has it already as it will be.";

const DYNAMODB: readonly Equivalent[] = [
  {
    guard: /^(takeKey|addRefs|postpone|putPayload|parkMessage|pulse|expireBelongings): ⟦ReturnValuesOnCond/,
    reason: NO_READER,
  },
  { guard: /^(#fetch waybill-\w+|jobsByRef): ⟦Limit⟧$/, reason: TAKES_NO_MORE },
  { guard: /^change: remove ⟦(wakeShard|purge(Shard|Key))⟧$/, reason: BOTH_KEYS },
  { guard: /^advanceJob: remove ⟦(wake|purge)(Shard|Key)⟧$/, reason: BOTH_KEYS },
  {
    guard: "change: remove ⟦failedShard⟧",
    reason: "Only the end of a job enters it: none was in it before.",
  },
  { guard: "advanceJob: remove ⟦cursors⟧", reason: "A job never has fewer cursors than it had." },
  {
    guard: "postpone: set ⟦wakeShard = ?⟧",
    reason: "What is due is in the index of wake-ups, and its shard follows from its id.",
  },
  { guard: "confirm: set ⟦wakeAt = ?⟧", reason: UNBORN_HAS_NONE },
  {
    guard: /^confirm: remove ⟦(purgeAt|ttl|wakeAt|wakeShard|wakeKey|failedShard)⟧$/,
    reason: UNBORN_HAS_NONE,
  },
  {
    guard: "putPayload: when ⟦attribute_not_exists(pk)⟧",
    reason: "No two writes of a payload have one nonce.",
  },
  {
    guard: /^(places|refs|parked|removal)\.ts: (this\.#)?start === undefined → false$/,
    reason: "To begin behind no key is to begin at the first.",
  },
  { guard: "scope.ts: from === to → false", reason: SAVES_WORK },
  { guard: "scope.ts: result === null → false", reason: TYPES_ONLY },
  { guard: /^places\.ts: (from|below) !== undefined → true$/, reason: "No text is later than none." },
  { guard: "write.ts: output !== undefined → true", reason: "What is not there has no size." },
  { guard: 'write.ts: "append" in history → true', reason: "What is not there has no size." },
  { guard: 'write.ts: history.append !== "" → true', reason: "To append no entries changes nothing." },
  {
    guard: "write.ts: guard.expiredLease !== undefined → true",
    reason: "No instant is no later than another.",
  },
  {
    guard: /^write\.ts: (session\.timeToLive|settles|ends|isFinal\(patch\.status\)) → true$/,
    reason: SAVES_WORK,
  },
  { guard: "write.ts: patch.status !== undefined → true", reason: TYPES_ONLY },
  {
    guard: 'write.ts: typeof patch.purgeAt === "number" → true',
    reason: SAVES_WORK,
  },
  {
    guard: 'write.ts: typeof patch.purgeAt === "number" #2 → true',
    reason:
      "The engine refuses what is no number as the end of an item, and what fails in clearing up is passed by.",
  },
  { guard: "write.ts: before === null → false", reason: "What fails in clearing up is passed by." },
  {
    guard: "write.ts: !isSamePlace(met.output, output) → true",
    reason: "Where it might be its own output the write is in doubt, and ends before.",
  },
  {
    guard: /^advance\.ts: (wakeAt === record\.wakeAt|purgeAt === record\.purgeAt) → false$/,
    reason: SAVES_WORK,
  },
  { guard: "advance.ts: record.wakeAt !== null → true", reason: "Null is later than nothing." },
  {
    guard: "take-due.ts: taken.length < limit → true",
    reason: "Of none that is wanted none is read, and the pass ends with that.",
  },
  {
    guard: 'operations.ts: isWaybillError(error, "store.corrupt") → true',
    reason: "Nothing else is thrown where an item is decoded.",
  },
  {
    guard: "take-due.ts: item === null → true",
    reason: "The item that was met is then read, as where none came along.",
  },
  {
    guard: "take-due.ts: item === null → false",
    reason:
      "A refusal comes with the item that it met, unless there is none: then none is what it reads, too.",
  },
  {
    guard: "take-due.ts: !isOutOfReach() → true",
    reason: "The rest is then asked for of a table that is out of reach: it only saves the wait.",
  },
  { guard: "time-to-live.ts: scope === null → false", reason: "What fails in clearing up is passed by." },
  { guard: "beat.ts: hot === null → false", reason: TYPES_ONLY },
  {
    guard: "removal.ts: purgeAt === null → false",
    reason: "What is in the index of purges has an instant of its purge.",
  },
  {
    guard: /^time-to-live\.ts: "nonce" in (input|output) → true$/,
    reason: "There is no item under no nonce.",
  },
  {
    guard: /^list\.ts: ((kinds|statuses) !== undefined|owner === null|isFiltered|owner !== undefined) → /,
    reason: "It only says how many entries are looked at in one go.",
  },
  {
    guard: /^list\.ts: (\(owner !== undefined && subject !== undefined\)|subject !== undefined) → /,
    reason: "It only says how many entries are looked at in one go.",
  },
  {
    guard: "list.ts: found.length < limit → true",
    reason: "It then goes on to the end of the index, and takes no more of it.",
  },
  {
    guard: "list.ts: looked < MAX_ENTRIES_PER_PAGE → true",
    reason:
      "At the end of a page no entry may be looked at any more: none is read, and the page ends with that.",
  },
  {
    guard: "list.ts: lacking > 0 → true",
    reason: "It then reads more of the index than is wanted, and takes no more of it.",
  },
  {
    guard: "list.ts: last === undefined → false",
    reason: "Where there is no last one, the index is at its end.",
  },
  {
    guard: /^list\.ts: (kind === undefined|kinds === undefined|kinds\.some\(.*\)) → true$/,
    reason: "The job itself is looked at too: it only keeps it from being read.",
  },
];

type Campaign = "memory" | "sqlite" | "postgres" | "redis" | "dynamodb";

export const EQUIVALENT: Readonly<Record<Campaign, readonly Equivalent[]>> = {
  memory: MEMORY,
  sqlite: SQLITE,
  postgres: POSTGRES,
  redis: REDIS,
  dynamodb: DYNAMODB,
};
