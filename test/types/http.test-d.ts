import { expectTypeOf } from "vitest";
import type { Authorize } from "../../src/core/view/access.js";
import type { Waybill } from "../../src/core/api/waybill.js";
import { jobRoutes, openApiDocument } from "../../src/http.js";
import { ingest, mail, recover } from "./sample-jobs.js";

declare const waybill: Waybill<typeof recover | typeof ingest, { tx: { query(): void }; queue: "slow" }>;
declare const authorize: Authorize;

const routes = jobRoutes(waybill, { kinds: [ingest, recover], submit: [ingest], authorize });
expectTypeOf(routes).toEqualTypeOf<(request: Request) => Promise<Response>>();
jobRoutes(waybill, { kinds: [ingest], submit: [], authorize: async () => null, basePath: undefined });
openApiDocument({ kinds: [ingest], submit: [] });

// @ts-expect-error -- there is no default that lets anybody in
jobRoutes(waybill, { kinds: [ingest], submit: [] });
// @ts-expect-error -- what may be submitted is said, also when it is nothing
jobRoutes(waybill, { kinds: [ingest], authorize });
// @ts-expect-error -- and what is seen
jobRoutes(waybill, { submit: [], authorize });
// @ts-expect-error -- what may be submitted is a part of what is seen
jobRoutes(waybill, { kinds: [ingest], submit: [recover], authorize });
// @ts-expect-error -- a kind that is not of the composition
jobRoutes(waybill, { kinds: [mail], submit: [], authorize });
// @ts-expect-error -- a principal has an owner
jobRoutes(waybill, { kinds: [ingest], submit: [], authorize: () => ({ actor: "ann" }) });
// @ts-expect-error -- and not perhaps
jobRoutes(waybill, { kinds: [ingest], submit: [], authorize: () => ({ owner: undefined }) });
