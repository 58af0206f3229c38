import { type ReactNode, useEffect, useRef, useState } from "react";
import { createRoot } from "react-dom/client";
import { createClient, type ListedView } from "waybill/client";
import { createHooks, LoadingSpinner, ProgressIndicator, StatusBadge } from "waybill/react";
import type { ExecutionRecord } from "../execution-record.js";
import type { recover } from "../recovery.job.js";

/** What the page needs of a browser, whose types the rest of the repository does without. */
const { document, location } = globalThis as unknown as {
  readonly document: { title: string; getElementById(id: string): Parameters<typeof createRoot>[0] | null };
  readonly location: { readonly pathname: string };
};
type Dialog = HTMLDialogElement & { showModal(): void };

type Recover = typeof recover;
const client = createClient<Recover>({ baseUrl: "/jobs" });
const { useConnection, useJob, useJobs, useSubmit } = createHooks(client);

const PLANS = { billing: "Billing", search: "Search", mail: "Mail" } as const;
type PlanId = keyof typeof PLANS;
const TYPES = { DRILL: "Drill", RECOVERY: "Recovery", FAILBACK: "Failback" } as const;
type ExecutionType = keyof typeof TYPES;
const LABELS = {
  SUBMITTED: "Submitted",
  LAUNCHING: "Launching",
  CONVERTING: "Converting",
  COMPLETED: "Completed",
  FAILED: "Failed",
  CANCELLED: "Cancelled",
} as const;
const SERVER_LABELS = {
  pending: "Waiting",
  launched: "Launched",
  converting: "Converting",
  ready: "Ready",
  failed: "Failed",
} as const;

type Listed = ListedView<Recover>;

/** What was ordered, which no view of a job shows: asked for once for each version. */
function useRecord(id: string, version: number): ExecutionRecord | null {
  const [record, setRecord] = useState<ExecutionRecord | null>(null);
  useEffect(() => {
    const ending = new AbortController();
    fetch(`/records/${id}`, { signal: ending.signal })
      .then(async (answer) => (answer.ok ? ((await answer.json()) as ExecutionRecord) : null))
      .then((next) => {
        if (next !== null) setRecord(next);
      })
      // As known before: the next version asks again.
      .catch(() => undefined);
    return () => {
      ending.abort();
    };
  }, [id, version]);
  return record;
}

/** The instant, once a second. */
function useNow(): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => {
      setNow(Date.now());
    }, 1_000);
    return () => {
      clearInterval(timer);
    };
  }, []);
  return now;
}

function clock(instant: number | Date | null): string {
  if (instant === null) return "–";
  return new Date(instant).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hour12: false });
}

function duration(seconds: number): string {
  const minutes = Math.floor(seconds / 60);
  return minutes === 0 ? `${seconds} s` : `${minutes} min ${seconds % 60} s`;
}

function left(etaAt: Date | null, now: number): string {
  if (etaAt === null) return "";
  const seconds = Math.max(1, Math.round((etaAt.getTime() - now) / 1_000));
  return seconds < 60 ? ` · about ${seconds} s left` : ` · about ${Math.round(seconds / 60)} min left`;
}

function ConnectionLine() {
  const { state, pollMs, heardAt } = useConnection();
  const now = useNow();
  const ago = heardAt === null ? "" : ` · last update ${Math.round((now - heardAt.getTime()) / 1_000)} s ago`;
  const said = {
    idle: "Live",
    connecting: "Connecting",
    live: "Live",
    polling: `Updating every ${Math.round((pollMs ?? 5_000) / 1_000)} s`,
    reconnecting: `Reconnecting${ago}`,
    offline: `Offline · as of ${clock(heardAt)}`,
    refused: "Not signed in",
  }[state];
  return (
    <p className="connection" data-state={state}>
      {said}
    </p>
  );
}

/** Nothing for 300 ms: most loads end before anybody needs to be told. */
function Loading() {
  const [late, setLate] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => {
      setLate(true);
    }, 300);
    return () => {
      clearTimeout(timer);
    };
  }, []);
  return <div className="loading">{late ? <LoadingSpinner size="md" /> : null}</div>;
}

function Shell({ crumb, children }: { readonly crumb: ReactNode; readonly children: ReactNode }) {
  return (
    <>
      <a className="skip" href="#main">
        Skip to content
      </a>
      <header>
        <nav aria-label="Where you are">{crumb}</nav>
        <ConnectionLine />
      </header>
      <main id="main">{children}</main>
    </>
  );
}

function Execute({ planId }: { readonly planId: PlanId }) {
  const { submit, isSubmitting, error } = useSubmit("dr.recover");
  const offline = useConnection().state === "offline";
  const [asked, setAsked] = useState<ExecutionType | null>(null);
  const dialog = useRef<Dialog>(null);
  const run = (type: ExecutionType): void => {
    void submit({ planId, type });
  };
  const ask = (type: ExecutionType): void => {
    if (type === "DRILL") {
      run(type);
      return;
    }
    setAsked(type);
    dialog.current?.showModal();
  };
  return (
    <div className="actions">
      {(Object.keys(TYPES) as ExecutionType[]).map((type) => (
        <button
          key={type}
          type="button"
          className={type === "DRILL" ? "primary" : ""}
          disabled={isSubmitting || offline}
          onClick={() => {
            ask(type);
          }}
        >
          {isSubmitting ? <LoadingSpinner size="sm" label="Submitting" /> : null} {TYPES[type]}
        </button>
      ))}
      {offline ? <p className="note">Offline: nothing can be started.</p> : null}
      {error === null ? null : <p className="problem">It could not be started. Nothing was launched.</p>}
      <dialog ref={dialog} aria-labelledby="ask">
        <h2 id="ask">
          {asked === null ? "" : TYPES[asked]} of {PLANS[planId]}?
        </h2>
        <p>Six servers will be launched.</p>
        <form method="dialog">
          <button autoFocus>Cancel</button>
          <button
            className="primary"
            onClick={() => {
              if (asked !== null) run(asked);
            }}
          >
            Launch six servers
          </button>
        </form>
      </dialog>
    </div>
  );
}

function Row({ job }: { readonly job: Listed }) {
  const record = useRecord(job.id, job.version);
  const now = useNow();
  const progress = record?.Progress;
  const so =
    progress === null || progress === undefined ? "" : `${progress.ready} of ${progress.totalServers} ready`;
  const time =
    typeof record?.Duration !== "number"
      ? left(job.status === "PROCESSING" ? job.etaAt : null, now)
      : ` · ${duration(record.Duration)}`;
  return (
    <li>
      <a href={`/executions/${job.id}`}>
        <span className="type">
          {record === null ? "Execution" : TYPES[record.ExecutionType as ExecutionType]}
        </span>
        <StatusBadge status={job.word} size="sm" labels={LABELS} />
        <span className="facts">
          {job.status === "FAILED" ? job.message : so}
          {time} · {clock(job.createdAt)}
        </span>
      </a>
    </li>
  );
}

function Plan({ planId }: { readonly planId: PlanId }) {
  const { state, jobs } = useJobs({ kind: "dr.recover", subject: `plan:${planId}` });
  useEffect(() => {
    document.title = `${PLANS[planId]} · Recovery`;
  }, [planId]);
  return (
    <Shell crumb={<Plans current={planId} />}>
      <h1>{PLANS[planId]}</h1>
      <Execute planId={planId} />
      {state === "loading" ? (
        <Loading />
      ) : jobs.length === 0 ? (
        <p className="empty">No executions of this plan yet.</p>
      ) : (
        <ul className="executions">
          {jobs.map((job) => (
            <Row key={job.id} job={job} />
          ))}
        </ul>
      )}
    </Shell>
  );
}

function Plans({ current }: { readonly current?: PlanId }) {
  return (
    <>
      {(Object.keys(PLANS) as PlanId[]).map((planId) => (
        <a key={planId} href={`/plans/${planId}`} aria-current={planId === current ? "page" : undefined}>
          {PLANS[planId]}
        </a>
      ))}
    </>
  );
}

function Execution({ id }: { readonly id: string }) {
  const { state, job } = useJob("dr.recover", id);
  const record = useRecord(id, job?.version ?? 0);
  const connection = useConnection().state;
  const now = useNow();
  const type = record === null ? "Execution" : TYPES[record.ExecutionType as ExecutionType];
  const plan = record === null ? "" : PLANS[record.PlanId as PlanId];
  const counts = record?.Progress ?? null;
  useEffect(() => {
    if (job !== null)
      document.title = `${LABELS[job.word]}${counts === null ? "" : ` ${counts.ready}/${counts.totalServers}`} · ${plan}`;
  });
  const crumb = <Plans {...(record === null ? {} : { current: record.PlanId as PlanId })} />;
  if (state === "missing") {
    return (
      <Shell crumb={crumb}>
        <h1>There is no such execution.</h1>
      </Shell>
    );
  }
  if (job === null) {
    return (
      <Shell crumb={crumb}>
        <h1>Execution</h1>
        <Loading />
      </Shell>
    );
  }
  const open = job.status !== "COMPLETED" && job.status !== "FAILED";
  const progress =
    job.status === "COMPLETED"
      ? job.output
      : job.status === "PROCESSING" || job.status === "FAILED"
        ? job.progress
        : null;
  const fresh = connection === "live" || connection === "polling";
  const eta = job.status === "PROCESSING" && fresh ? left(job.etaAt, now) : "";
  const servers = [...(progress?.servers ?? [])];
  // What went wrong comes first, but only once nothing moves any more under the eyes of a reader.
  if (!open) servers.sort((a, b) => Number(b.state === "failed") - Number(a.state === "failed"));
  const failed = servers.filter((server) => server.state === "failed");
  return (
    <Shell crumb={crumb}>
      <div className="title">
        <h1>
          {type}
          <small>{plan}</small>
        </h1>
        <StatusBadge status={job.word} size="md" labels={LABELS} />
      </div>
      <p className="muted">
        {record?.InitiatedBy ?? "…"} · submitted {clock(job.createdAt)}
      </p>
      {open ? (
        <ProgressIndicator
          title={
            progress === null
              ? "Waiting for the first look"
              : `${progress.ready} of ${progress.total} ready${eta}`
          }
          steps={stepsOf(job)}
          percent={job.status === "PROCESSING" ? job.percent : null}
        />
      ) : (
        <p className={job.status === "FAILED" ? "end problem" : "end done"}>
          {job.status === "FAILED"
            ? job.message
            : `${job.output.ready} servers ready in ${duration(Math.round(job.durationMs / 1_000))}`}
        </p>
      )}
      {open && failed.length > 0 ? (
        <p className="attention">{failed.map((server) => server.id).join(", ")} failed. The others go on.</p>
      ) : null}
      {counts === null ? null : (
        <dl className="counts">
          {(["launched", "converting", "ready", "failed"] as const).map((name) => (
            <div key={name}>
              <dt>{SERVER_LABELS[name]}</dt>
              <dd>{counts[name]}</dd>
            </div>
          ))}
        </dl>
      )}
      {servers.length === 0 ? null : (
        <table>
          <thead>
            <tr>
              <th scope="col">Server</th>
              <th scope="col">State</th>
              <th scope="col">Progress</th>
              <th scope="col">Since</th>
              <th scope="col">Note</th>
            </tr>
          </thead>
          <tbody>
            {servers.map((server) => (
              <tr key={server.id}>
                <th scope="row">{server.id}</th>
                <td data-server={server.state}>{SERVER_LABELS[server.state]}</td>
                <td>{server.state === "failed" ? "–" : `${Math.round(server.converted * 100)} %`}</td>
                <td>{clock(server.since)}</td>
                <td>{server.note}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      <dl className="times">
        <div>
          <dt>Started</dt>
          <dd>{clock(progress?.startedAt ?? null)}</dd>
        </div>
        <div>
          <dt>Updated</dt>
          <dd>{clock(job.updatedAt)}</dd>
        </div>
        <div>
          <dt>Ended</dt>
          <dd>{clock(job.finishedAt)}</dd>
        </div>
        <div>
          <dt>Duration</dt>
          <dd>{typeof record?.Duration !== "number" ? "–" : duration(record.Duration)}</dd>
        </div>
      </dl>
      {open ? (
        <Cancel id={id} asked={job.cancelRequestedAt !== null} offline={connection === "offline"} />
      ) : null}
    </Shell>
  );
}

function Cancel({
  id,
  asked,
  offline,
}: {
  readonly id: string;
  readonly asked: boolean;
  readonly offline: boolean;
}) {
  return (
    <p className="actions">
      <button
        type="button"
        disabled={asked || offline}
        onClick={() => {
          void client.cancel(id);
        }}
      >
        {asked ? "Cancelling" : "Cancel"}
      </button>
      {offline ? <span className="note">Offline: it cannot be cancelled from here.</span> : null}
    </p>
  );
}

function stepsOf(job: { readonly status: string; readonly phase?: string | null }) {
  const at = job.status !== "PROCESSING" ? 0 : job.phase === "converting" ? 2 : 1;
  return ["Submitted", "Launching", "Converting", "Ready"].map((label, index) => ({
    label,
    completed: index < at,
  }));
}

function App() {
  const [, section, name = "billing"] = location.pathname.split("/");
  if (section === "executions") return <Execution id={name} />;
  return <Plan planId={name in PLANS ? (name as PlanId) : "billing"} />;
}

const root = document.getElementById("root");
if (root !== null) createRoot(root).render(<App />);
