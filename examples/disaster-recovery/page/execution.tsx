import type { JobView } from "waybill";
import { ProgressIndicator, StatusBadge } from "waybill/react";
import { location } from "../../shell/browser.js";
import { percentLine } from "../../shell/percent-line.js";
import { Loading, useTitle } from "../../shell/shell.js";
import { ago, clock, useNow } from "../../shell/time.js";
import type { ExecutionRecord } from "../execution-record.js";
import type { Server } from "../recovery-client.js";
import { Launch } from "./launch.js";
import { client, type Recover, Shell, useConnection, useJob, useOwn, useRecord } from "./client.js";
import {
  type ExecutionType,
  facts,
  LABELS,
  left,
  type PlanId,
  PLANS,
  SERVER_LABELS,
  tookOf,
  TYPES,
} from "./words.js";

type View = JobView<Recover>;
type Final = Extract<View, { readonly status: "COMPLETED" | "FAILED" }>;

export function Execution({ id }: { readonly id: string }) {
  const { state, job } = useJob("dr.recover", id);
  const record = useRecord(id, job?.status ?? "");
  const planId = (record?.PlanId ?? null) as PlanId | null;
  const plan = planId === null ? null : PLANS[planId];
  const progress = job === null ? null : progressOf(job);
  const ready =
    progress === null || job?.status === "COMPLETED" ? "" : ` ${progress.ready}/${progress.total}`;
  useTitle(job === null ? "Recovery" : facts(`${LABELS[job.word]}${ready}`, plan));
  const crumbs = (
    <>
      <a className={planId === null ? "back" : ""} href="/">
        Plans
      </a>
      {planId === null ? null : (
        <a className="back" href={`/plans/${planId}`}>
          {PLANS[planId]}
        </a>
      )}
    </>
  );
  return (
    <Shell crumbs={crumbs}>
      {job !== null ? (
        <Known job={job} record={record} />
      ) : state === "missing" ? (
        <h1>There is no such execution.</h1>
      ) : (
        <>
          <h1>Execution</h1>
          <Loading />
        </>
      )}
    </Shell>
  );
}

function progressOf(job: View) {
  if (job.status === "COMPLETED") return job.output;
  return job.status === "PROCESSING" || job.status === "FAILED" ? job.progress : null;
}

function Known({ job, record }: { readonly job: View; readonly record: ExecutionRecord | null }) {
  const isOpen = job.status !== "COMPLETED" && job.status !== "FAILED";
  const progress = progressOf(job);
  const servers = [...(progress?.servers ?? [])];
  // What went wrong comes first, but only once nothing moves any more under the eyes of a reader.
  if (!isOpen) servers.sort((a, b) => Number(b.state === "failed") - Number(a.state === "failed"));
  const cancel = isOpen ? <Cancel id={job.id} isAsked={job.cancelRequestedAt !== null} /> : null;
  return (
    <>
      <div className="title">
        <h1>{record === null ? "Execution" : TYPES[record.ExecutionType as ExecutionType]}</h1>
        <StatusBadge status={job.word} size="md" labels={LABELS} message={job.message} />
        <div className="wide">{cancel}</div>
      </div>
      <p className="muted">{facts(record?.InitiatedBy ?? null, `submitted ${clock(job.createdAt)}`)}</p>
      {isOpen ? <Progress job={job} /> : <End job={job} />}
      {isOpen ? <Warning servers={servers} /> : null}
      {progress === null ? null : (
        <dl className="facts-row large">
          {(["launched", "converting", "ready", "failed"] as const).map((name) => (
            <div key={name}>
              <dt>{SERVER_LABELS[name]}</dt>
              <dd className={name === "failed" && progress.failed > 0 ? "problem" : ""}>{progress[name]}</dd>
            </div>
          ))}
        </dl>
      )}
      {servers.length === 0 ? null : <Servers servers={servers} />}
      <Times job={job} startedAt={progress?.startedAt ?? null} />
      <History id={job.id} version={job.version} />
      {!isOpen && record !== null ? <RunAgain record={record} /> : null}
      <div className="narrow">{cancel}</div>
    </>
  );
}

const STEPS = ["Submitted", "Launching", "Converting", "Ready"];

function Progress({ job }: { readonly job: Exclude<View, Final> }) {
  const now = useNow();
  const isFresh = ["live", "polling"].includes(useConnection().state);
  const progress = progressOf(job);
  const at = job.status !== "PROCESSING" || job.phase === null ? 0 : job.phase === "converting" ? 2 : 1;
  const eta = job.status === "PROCESSING" && isFresh ? left(job.etaAt, now) : null;
  const ready =
    progress === null ? "Nothing is launched yet" : `${progress.ready} of ${progress.total} ready`;
  return (
    <ProgressIndicator
      // The badge says each change already: a fresh indicator has none to tell.
      key={at}
      title={facts(ready, eta)}
      description={job.message}
      steps={STEPS.map((label, index) => ({ label, completed: index < at }))}
      percent={job.status === "PROCESSING" ? job.percent : null}
    />
  );
}

function End({ job }: { readonly job: Final }) {
  if (job.status === "FAILED") {
    return <p className={job.word === "CANCELLED" ? "end" : "end problem"}>{job.message}</p>;
  }
  return (
    <p className="end done">
      {job.output.ready} servers ready in {tookOf(job)}
    </p>
  );
}

/** A badge, since what it comes to say is said once to those who do not see it. */
function Warning({ servers }: { readonly servers: readonly Server[] }) {
  const failed = servers.filter(({ state }) => state === "failed").map(({ id }) => id);
  const sentence = failed.length === 0 ? "" : `${failed.join(", ")} failed. The others go on.`;
  return <StatusBadge className="attention" status={sentence} />;
}

function Servers({ servers }: { readonly servers: readonly Server[] }) {
  return (
    <table>
      <thead>
        <tr>
          <th scope="col">Server</th>
          <th scope="col">State</th>
          <th scope="col" className="number">
            Progress
          </th>
          <th scope="col">Since</th>
          <th scope="col">Note</th>
        </tr>
      </thead>
      <tbody>
        {servers.map(({ id, state, converted, since, note }) => (
          <tr key={id} style={percentLine(state === "converting" ? converted : null)}>
            <th scope="row">{id}</th>
            <td data-server={state}>{SERVER_LABELS[state]}</td>
            <td className="number">{state === "failed" ? "–" : `${Math.round(converted * 100)} %`}</td>
            <td>{clock(since)}</td>
            <td>{note}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Times({ job, startedAt }: { readonly job: View; readonly startedAt: number | null }) {
  const now = useNow();
  const hasEnded = job.status === "COMPLETED" || job.status === "FAILED";
  const times = {
    Started: clock(startedAt),
    Updated: ago(job.updatedAt, now),
    Ended: clock(hasEnded ? job.finishedAt : null),
    Duration: hasEnded ? tookOf(job) : "–",
  };
  return (
    <dl className="facts-row">
      {Object.entries(times).map(([name, time]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{time}</dd>
        </div>
      ))}
    </dl>
  );
}

interface Entry {
  readonly id: string;
  readonly type: string;
  readonly at: string;
  readonly word: keyof typeof LABELS;
  readonly message: string;
}

function entriesOf(json: unknown): readonly Entry[] {
  return (json as { readonly items: readonly Entry[] }).items;
}

function saidBy({ type, word, message }: Entry): string {
  const label = type === "job.warning" ? "Warning" : LABELS[word];
  return facts(label, message === label || message === `${label}.` ? null : message);
}

function History({ id, version }: { readonly id: string; readonly version: number }) {
  const entries = useOwn(`/jobs/${id}/history`, version, entriesOf);
  return (
    <details className="history">
      <summary>History{entries === null ? "" : ` (${entries.length})`}</summary>
      <ol>
        {(entries ?? []).map((entry) => (
          <li key={entry.id}>
            <time dateTime={entry.at}>{clock(entry.at, true)}</time>
            <span>{saidBy(entry)}</span>
          </li>
        ))}
      </ol>
    </details>
  );
}

function Cancel({ id, isAsked }: { readonly id: string; readonly isAsked: boolean }) {
  const isOffline = useConnection().state === "offline";
  return (
    <div className="actions">
      <button
        type="button"
        disabled={isAsked || isOffline}
        onClick={() => {
          // What came of it is in the job.
          client.cancel(id).then(
            () => undefined,
            () => undefined,
          );
        }}
      >
        {isAsked ? "Cancelling" : "Cancel"}
      </button>
      {isOffline ? <span className="note">Offline: it cannot be cancelled from here.</span> : null}
    </div>
  );
}

/** A new execution of the same plan: this one stays as it ended. */
function RunAgain({ record }: { readonly record: ExecutionRecord }) {
  return (
    <Launch
      planId={record.PlanId as PlanId}
      buttons={[[record.ExecutionType as ExecutionType, "Run again"]]}
      onLaunched={(id) => {
        location.assign(`/executions/${id}`);
      }}
    />
  );
}
