import type { JobView } from "waybill";
import type { ListedView } from "waybill/client";
import { StatusBadge } from "waybill/react";
import { NewRows, useCalm } from "../../shell/calm.js";
import { percentLine } from "../../shell/percent-line.js";
import { Loading, useTitle } from "../../shell/shell.js";
import { clock, useNow } from "../../shell/time.js";
import { type Recover, Shell, useConnection, useJobs, useLatestJob, useRecord } from "./client.js";
import { Launch } from "./launch.js";
import { type ExecutionType, facts, LABELS, left, type PlanId, PLANS, tookOf, TYPES } from "./words.js";

type Listed = ListedView<Recover>;
type Shown = Listed | JobView<Recover>;

const BUTTONS = (Object.keys(TYPES) as ExecutionType[]).map((type) => [type, TYPES[type]] as const);

export function Plans() {
  useTitle("Recovery");
  return (
    <Shell crumbs={<span aria-current="page">Plans</span>}>
      <h1>Plans</h1>
      <ul className="rows">
        {(Object.keys(PLANS) as PlanId[]).map((planId) => (
          <PlanRow key={planId} planId={planId} />
        ))}
      </ul>
    </Shell>
  );
}

function PlanRow({ planId }: { readonly planId: PlanId }) {
  const { state, job } = useLatestJob("dr.recover", `plan:${planId}`);
  return (
    <li>
      <a href={`/plans/${planId}`} style={lineOf(job)}>
        <span className="name">{PLANS[planId]}</span>
        {job === null ? null : <StatusBadge status={job.word} size="sm" labels={LABELS} />}
        {job !== null ? (
          <RowFacts job={job} />
        ) : (
          <span className="facts">{state === "missing" ? "No executions yet" : ""}</span>
        )}
      </a>
    </li>
  );
}

export function Plan({ planId }: { readonly planId: PlanId }) {
  const { state, jobs } = useJobs({ kind: "dr.recover", subject: `plan:${planId}` });
  const calm = useCalm(jobs);
  useTitle(`${PLANS[planId]} · Recovery`);
  return (
    <Shell
      crumbs={
        <>
          <a className="back" href="/">
            Plans
          </a>
          <span aria-current="page">{PLANS[planId]}</span>
        </>
      }
    >
      <h1>{PLANS[planId]}</h1>
      <Launch
        planId={planId}
        buttons={BUTTONS}
        onLaunched={(id) => {
          calm.show([id]);
        }}
      />
      <NewRows {...calm} />
      {state === "loading" ? (
        <Loading />
      ) : calm.shown.length === 0 ? (
        <p className="empty">No executions of this plan yet.</p>
      ) : (
        <ul className="rows">
          {calm.shown.map((job) => (
            <Row key={job.id} job={job} />
          ))}
        </ul>
      )}
    </Shell>
  );
}

function Row({ job }: { readonly job: Listed }) {
  const record = useRecord(job.id, job.status);
  return (
    <li>
      <a href={`/executions/${job.id}`} style={lineOf(job)}>
        <span className="name">
          {record === null ? "Execution" : TYPES[record.ExecutionType as ExecutionType]}
        </span>
        <StatusBadge status={job.word} size="sm" labels={LABELS} />
        <RowFacts job={job} />
      </a>
    </li>
  );
}

function lineOf(job: Shown | null) {
  return percentLine(job?.status === "PROCESSING" ? job.percent : null);
}

function RowFacts({ job }: { readonly job: Shown }) {
  const now = useNow();
  const isFresh = ["live", "polling"].includes(useConnection().state);
  return <span className="facts">{rowFacts(job, isFresh ? now : null)}</span>;
}

/** `now`: `null` where what is left is not known any more. */
function rowFacts(job: Shown, now: number | null): string {
  const at = clock(job.createdAt);
  if (job.status === "COMPLETED") return facts("6 of 6 ready", tookOf(job), at);
  const progress = job.status === "PROCESSING" || job.status === "FAILED" ? job.progress : null;
  if (job.status === "FAILED") {
    const failed = progress === null ? job.message : `${progress.failed} of ${progress.total} failed`;
    return facts(failed, tookOf(job), at);
  }
  const ready = progress === null ? null : `${progress.ready} of ${progress.total} ready`;
  return facts(ready, job.status === "PROCESSING" && now !== null ? left(job.etaAt, now) : null, at);
}
