/**
 * `waybill/http`: the job API as one function from `Request` to `Response`, and what errors mean over HTTP.
 *
 * @packageDocumentation
 */

export type { Authorize, Principal } from "./core/view/access.js";
export { jobRoutes } from "./http/job-routes.js";
export { openApiDocument } from "./http/openapi.js";
export type { JobRoutesOptions, KindsOptions, Routed } from "./http/options.js";
export { type Problem, problemOf, problemResponse } from "./http/problem.js";
