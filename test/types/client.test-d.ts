import { expectTypeOf } from "vitest";
import type WS from "ws";
import type { JobView } from "../../src/core/api/view.js";
import {
  applyNewer,
  type Client,
  type ClientOptions,
  createClient,
  type JobChanges,
  type JobSnapshot,
  type Store,
} from "../../src/client.js";
import { ingest, mail, recover } from "./sample-jobs.js";

// ---- kinds are known by definitions, or by types alone ----------------------------------------------------------------------

const byDefinition = createClient({ baseUrl: "/jobs", jobs: [ingest, recover] });
const byType = createClient<typeof ingest | typeof recover>({ baseUrl: "/jobs" });
expectTypeOf(byDefinition).toEqualTypeOf<Client<typeof ingest | typeof recover>>();
expectTypeOf(byType).toEqualTypeOf(byDefinition);

// N34
// @ts-expect-error -- createClient needs its jobs: jobs: [ingest], or their types alone
createClient({ baseUrl: "/jobs" });
// @ts-expect-error -- no such option
createClient({ baseUrl: "/jobs", jobs: [ingest], acessToken: "x" });
// @ts-expect-error -- no such transport
createClient({ baseUrl: "/jobs", jobs: [ingest], transports: ["websockets"] });

declare const socket: typeof WS;
createClient({
  baseUrl: "/jobs",
  jobs: [ingest],
  WebSocket: socket,
  accessToken: async () => "token",
  transports: undefined,
});

// ---- stores -----------------------------------------------------------------------------------------------------------------

expectTypeOf(byType.job(recover, "id")).toEqualTypeOf<Store<JobSnapshot<typeof recover>>>();
expectTypeOf(byType.job("dr.recover", "id")).toEqualTypeOf<Store<JobSnapshot<typeof recover>>>();
expectTypeOf(byType.latest("document.ingest", "s")).toEqualTypeOf<Store<JobSnapshot<typeof ingest>>>();
// @ts-expect-error -- not a kind of this client
byType.job("mail.send", "id");
// @ts-expect-error -- not a kind of this client
byType.latest(mail, "subject");

const shown = byType.job(recover, "id").getSnapshot();
if (shown.state === "loading" || shown.state === "missing") expectTypeOf(shown.job).toEqualTypeOf<null>();
if (shown.state === "live") {
  expectTypeOf(shown.job).toEqualTypeOf<JobView<typeof recover>>();
  if (shown.job.status === "COMPLETED") expectTypeOf(shown.job.output).toEqualTypeOf<{ ready: number }>();
  // @ts-expect-error -- there is an output only when it is COMPLETED
  shown.job.output;
  // @ts-expect-error -- no input leaves the server
  shown.job.input;
}
// @ts-expect-error -- an error only where it went wrong
shown.error;

const list = byType.jobs();
list.subscribe((changes) => {
  expectTypeOf(changes.jobs[0]!.kind).toEqualTypeOf<"document.ingest" | "dr.recover">();
});
expectTypeOf(byType.jobs({ kind: ingest }).getSnapshot().jobs[0]!.kind).toEqualTypeOf<"document.ingest">();
// @ts-expect-error -- whose they are is said by the credential alone
byType.jobs({ owner: "ana" });
// @ts-expect-error -- lists have no output
if (list.getSnapshot().jobs[0]?.status === "COMPLETED") list.getSnapshot().jobs[0].output;

// ---- commands ---------------------------------------------------------------------------------------------------------------

// N33
// @ts-expect-error -- the input of the kind
void byType.submit(ingest, { documentid: "d" });
// @ts-expect-error -- the input of the kind
void byType.submit("dr.recover", { planId: "p", type: "NOTHING" });
const submitted = byType.submit(ingest, { documentId: "d" });
expectTypeOf(submitted.unwrap()).resolves.toEqualTypeOf<JobView<typeof ingest>>();
void submitted.then((result) => {
  if (!result.ok) {
    expectTypeOf(result.error.code).toEqualTypeOf<
      "input.invalid" | "input.too_large" | "idempotency.conflict" | "id.taken" | "job.not_found"
    >();
  }
});
expectTypeOf(byType.cancel("id").unwrap()).resolves.toEqualTypeOf<
  JobView<typeof ingest> | JobView<typeof recover>
>();

// ---- caches of others -------------------------------------------------------------------------------------------------------

declare const view: JobView<typeof ingest>;
expectTypeOf(applyNewer(null, view)).toEqualTypeOf<JobView<typeof ingest>>();
expectTypeOf<JobChanges<number>>().toEqualTypeOf<{
  readonly jobs: readonly number[];
  readonly gone: readonly string[];
  readonly snapshot: boolean;
  readonly reset: boolean;
}>();
expectTypeOf<NonNullable<ClientOptions<typeof ingest>["onWake"]>>().returns.toEqualTypeOf<() => void>();
