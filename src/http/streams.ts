import type { ObserveFilter } from "../core/api/observe.js";
import type { AnyDef } from "../core/define/any-def.js";
import type { JobChanges } from "../core/live/changes.js";
import { liveStream } from "../core/live/live-stream.js";
import type { JobView } from "../core/api/view.js";
import type { Call } from "./call.js";
import { callLife } from "./call-life.js";
import { RequestRefused } from "./problem.js";
import { asAsked, notFound, seenBy } from "./reads.js";
import { onlyStatus, streamQuery } from "./request.js";

/** `GET /{id}` as server-sent events: the job as it is, then each newer version, to its end. */
export async function streamJob(call: Call): Promise<Response> {
  if (onlyStatus(call.query)) throw new RequestRefused("request.malformed");
  return stream(call, call.name, { ids: [call.name], kind: [...call.service.visible.keys()] });
}

/** `GET /?kind=&subject=` as server-sent events: the newest jobs that fit, then their changes. */
export async function streamJobs(call: Call): Promise<Response> {
  const { kind, subject, limit } = streamQuery(call.query);
  const visible = [...call.service.visible.keys()];
  // A kind that is not visible is as unknown as none: its stream is empty, as its list is.
  const kinds = kind === null ? visible : visible.filter((each) => each === kind);
  if (kinds.length === 0) throw notFound();
  const filter = { kind: kinds, limit, ...(subject === null ? {} : { subject }) };
  return asAsked(() => stream(call, null, filter));
}

/** A stream counts among the owner's waits as long as it is open, and ends with the credential: the reader connects anew. */
async function stream(call: Call, jobId: string | null, filter: ObserveFilter<AnyDef>): Promise<Response> {
  const { service, request, principal } = call;
  const leave = service.waits.open(principal.owner);
  const life = callLife(service.clock, request, principal);
  const release = (): void => {
    leave();
    life.end();
  };
  try {
    const response = await liveStream({
      jobId,
      lastEventId: request.headers.get("last-event-id"),
      clock: service.clock,
      signal: life.signal,
      observe: () =>
        whileOpen(
          service.waybill.observe({ ...filter, ...seenBy(principal) }, { signal: life.signal }),
          release,
        ),
    });
    // Ended before its snapshot: nothing was seen, and nothing is said of what there is.
    if (response === null && life.signal.aborted) throw new RequestRefused("request.unauthenticated");
    if (response === null) throw notFound();
    // Ended before it began: nothing of it is open.
    if (response.body === null) release();
    return response;
  } catch (error) {
    release();
    throw error;
  }
}

/** The same changes; `ended` is called once they end, whoever ends them. */
function whileOpen(
  changes: AsyncIterable<JobChanges<JobView<AnyDef>>>,
  ended: () => void,
): AsyncIterable<JobChanges<JobView<AnyDef>>> {
  return {
    [Symbol.asyncIterator]() {
      const inner = changes[Symbol.asyncIterator]();
      return {
        async next() {
          try {
            const step = await inner.next();
            if (step.done === true) ended();
            return step;
          } catch (error) {
            ended();
            throw error;
          }
        },
        async return() {
          ended();
          return (await inner.return?.()) ?? { done: true, value: undefined };
        },
      };
    },
  };
}
