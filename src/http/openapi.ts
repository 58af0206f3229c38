import type { AnyDef } from "../core/define/any-def.js";
import { FAILURE_REASONS } from "../core/define/words/failure-reasons.js";
import { EVENT_OF } from "../core/job/event.js";
import { STATUSES } from "../core/job/lifecycle.js";
import { checkOptions } from "../core/options/options.js";
import { type Kinds, kindsOf, type KindsOptions } from "./options.js";
import { CALLBACK_FIELDS } from "./callbacks.js";
import { type Answer, ANSWERS, REQUEST_ANSWERS } from "./problem.js";
import { LIST_PARAMETERS, MOST_KEY_CHARS, MOST_WAIT_S } from "./request.js";

type Schema = Readonly<Record<string, unknown>>;

/**
 * The routes of `jobRoutes` as OpenAPI 3.1, made from the same constants. Inputs are any JSON here: Standard Schema has no
 * JSON Schema; put yours into `components.schemas` under the name of the kind.
 *
 * @throws {WaybillError} `config.invalid`
 */
export function openApiDocument<const Defs extends readonly AnyDef[]>(
  options: KindsOptions<Defs>,
): Readonly<Record<string, unknown>> {
  const given: unknown = options;
  checkOptions("openApiDocument", given ?? null, ["kinds", "submit", "basePath"]);
  const kinds = kindsOf("openApiDocument", options);
  return {
    openapi: "3.1.0",
    info: { title: "Jobs", version: "1.0.0", description: "Jobs, submitted and followed over HTTP." },
    servers: [{ url: kinds.basePath === "" ? "/" : kinds.basePath }],
    security: [{ credential: [] }],
    paths: pathsOf(kinds),
    components: {
      securitySchemes: { credential: { type: "http", scheme: "bearer" } },
      parameters: PARAMETERS,
      responses: { Problem: PROBLEM_RESPONSE, Unauthenticated: PROBLEM_RESPONSE, NotFound: PROBLEM_RESPONSE },
      schemas: schemasOf(kinds),
    },
  };
}

function pathsOf({ visible, startable }: Kinds): Readonly<Record<string, unknown>> {
  const takesCallbacks = [...visible.values()].some((def) => def["~definition"].external);
  const submits = [...startable.keys()].map((kind) => [`/${kind}`, { post: submitOf(kind) }] as const);
  return {
    "/": {
      get: operation(
        "listJobs",
        "Jobs, newest first; with latest the newest about a subject",
        LIST_REFS,
        LISTED,
      ),
    },
    ...Object.fromEntries(submits),
    "/{id}": {
      get: operation("getJob", "A job", [ID, ref("Fields"), ref("Prefer"), ref("IfNoneMatch")], READ),
    },
    "/{id}/history": { get: operation("getJobHistory", "What happened to a job", [ID], HISTORY) },
    "/{id}/cancel": {
      post: {
        ...operation("cancelJob", "Cancels a job", [ID, ref("IdempotencyKey"), ref("Fields")], STARTED),
        ...CANCEL,
      },
    },
    "/{id}/rerun": {
      post: operation("rerunJob", "Runs a failed job again, as a new one", [ID, ...STARTING], STARTED),
    },
    ...(takesCallbacks ? { "/callbacks/{token}": { post: CALLBACK } } : {}),
  };
}

const ref = (name: string): Schema => ({ $ref: `#/components/parameters/${name}` });
const schema = (name: string): Schema => ({ $ref: `#/components/schemas/${name}` });
const json = (of: Schema): Schema => ({ "application/json": { schema: of } });
const ID = ref("Id");
const STARTING = [ref("IdempotencyKey"), ref("Prefer"), ref("Fields")];
const LIST_REFS = LIST_PARAMETERS.map((name) => ref(name === "fields" ? "Fields" : `list_${name}`));

const VIEW = { description: "The job", content: json(schema("Job")) };
const READ = { "200": VIEW, "304": { description: "Unchanged since the version of If-None-Match" } };
const STARTED = {
  "200": VIEW,
  "202": { description: "The job, which goes on", content: json(schema("Job")) },
};
const LISTED = {
  "200": { description: "A page, or one job", content: json({ oneOf: [schema("Page"), schema("Job")] }) },
};
const HISTORY = { "200": { description: "Its events, oldest first", content: json(schema("History")) } };
const CANCEL = {
  requestBody: {
    required: false,
    content: json({ type: "object", properties: { reason: { type: "string" } } }),
  },
};

function operation(
  operationId: string,
  summary: string,
  parameters: readonly Schema[],
  responses: Schema,
): Schema {
  return { operationId, summary, parameters, responses: { ...responses, ...PROBLEMS } };
}

const PROBLEMS = {
  "401": { $ref: "#/components/responses/Unauthenticated" },
  "404": { $ref: "#/components/responses/NotFound" },
  default: { $ref: "#/components/responses/Problem" },
};
const PROBLEM_RESPONSE = {
  description: "Why not",
  content: { "application/problem+json": { schema: schema("Problem") } },
};

const TOKEN = { name: "token", in: "path", required: true, schema: { type: "string" } };
const CALLBACK = {
  ...operation(
    "tellOfWork",
    "Tells of a job's external work; without a body: that it is time to look",
    [TOKEN],
    {
      "204": { description: "It is stored" },
    },
  ),
  // The token is the credential.
  security: [],
  requestBody: { required: false, content: json(schema("Callback")) },
};

function submitOf(kind: string): Schema {
  const operationId = `submit_${kind.replace(/[^A-Za-z0-9]/g, "_")}`;
  return {
    ...operation(operationId, `Submits a job of the kind ${kind}`, STARTING, STARTED),
    requestBody: { required: true, content: json(schema(`Input_${kind}`)) },
  };
}

const parameter = (name: string, place: "header" | "query", of: Schema): Schema => ({
  name,
  in: place,
  required: false,
  schema: of,
});
const TEXT = { type: "string" };

const PARAMETERS = {
  Id: { name: "id", in: "path", required: true, schema: TEXT },
  IdempotencyKey: parameter("Idempotency-Key", "header", { type: "string", maxLength: MOST_KEY_CHARS }),
  Prefer: {
    ...parameter("Prefer", "header", TEXT),
    description: `wait=N: answers later, after at most N seconds (at most ${MOST_WAIT_S}), once there is news.`,
  },
  IfNoneMatch: parameter("If-None-Match", "header", TEXT),
  Fields: parameter("fields", "query", { const: "status" }),
  list_kind: parameter("kind", "query", TEXT),
  list_status: parameter("status", "query", { type: "array", items: { enum: STATUSES } }),
  list_word: parameter("word", "query", TEXT),
  list_subject: parameter("subject", "query", TEXT),
  list_limit: parameter("limit", "query", { type: "integer", minimum: 1, maximum: 100, default: 50 }),
  list_cursor: parameter("cursor", "query", TEXT),
  list_latest: { ...parameter("latest", "query", TEXT), allowEmptyValue: true },
};

function schemasOf({ visible, startable }: Kinds): Readonly<Record<string, unknown>> {
  const inputs = [...startable.keys()].map(
    (kind) => [`Input_${kind}`, { description: `Input of ${kind}` }] as const,
  );
  return {
    ...Object.fromEntries(inputs),
    Job: jobSchema([...visible.keys()]),
    Page: object({ items: { type: "array", items: schema("Job") }, next: orNull(TEXT) }),
    History: object({ items: { type: "array", items: schema("Event") }, trimmed: { type: "integer" } }),
    Event: eventSchema(),
    Callback: callbackSchema(),
    Problem: object(
      {
        type: TEXT,
        title: TEXT,
        status: { enum: statusesOf() },
        code: { enum: codesOf() },
        detail: TEXT,
        errors: { type: "array", items: object({ detail: TEXT, pointer: TEXT }) },
      },
      ["errors"],
    ),
  };
}

const ANSWERED: readonly (readonly [string, Answer])[] = [
  ...Object.entries(ANSWERS),
  ...Object.entries(REQUEST_ANSWERS),
];

function statusesOf(): readonly number[] {
  return [...new Set(ANSWERED.map(([, { status }]) => status))].sort((a, b) => a - b);
}

function codesOf(): readonly string[] {
  return [...new Set(ANSWERED.map(([code, answer]) => answer.code ?? code))].sort();
}

const INSTANT = { type: "string", format: "date-time" };

function orNull(of: Schema): Schema {
  return { anyOf: [of, { type: "null" }] };
}

/** An object whose properties are all there, but for those named. */
function object(properties: Readonly<Record<string, Schema>>, optional: readonly string[] = []): Schema {
  const required = Object.keys(properties).filter((name) => !optional.includes(name));
  return { type: "object", properties, required };
}

function callbackSchema(): Schema {
  const told: Readonly<Record<(typeof CALLBACK_FIELDS)[number], Schema>> = {
    state: { enum: ["open", "done", "failed"] },
    output: { description: "done: what the job yields" },
    message: TEXT,
    code: TEXT,
    expose: { type: "boolean" },
    details: {},
    rerun: { type: "boolean" },
    phase: TEXT,
    progress: {},
    etaAt: orNull(INSTANT),
    nextPollMs: { type: "number", minimum: 0 },
    allowDecrease: { type: "boolean" },
  };
  const optional = CALLBACK_FIELDS.filter((field) => field !== "state");
  return { ...object(told, optional), additionalProperties: false };
}

/** What every view has. */
const COMMON = {
  id: TEXT,
  status: { enum: STATUSES },
  word: TEXT,
  version: { type: "integer" },
  owner: orNull(TEXT),
  subject: orNull(TEXT),
  message: TEXT,
  attempt: { type: "integer" },
  createdAt: INSTANT,
  queuedAt: orNull(INSTANT),
  startedAt: orNull(INSTANT),
  finishedAt: orNull(INSTANT),
  updatedAt: INSTANT,
  durationMs: orNull({ type: "integer" }),
  cancelRequestedAt: orNull(INSTANT),
  origin: orNull(TEXT),
};

/** What a view has in some statuses. */
const BY_STATUS = {
  metadata: {},
  retryAt: orNull(INSTANT),
  lastError: orNull(
    object({ message: orNull(TEXT), code: orNull(TEXT), at: INSTANT, attempt: { type: "integer" } }),
  ),
  phase: orNull(TEXT),
  progress: {},
  percent: orNull({ type: "number", minimum: 0, maximum: 1 }),
  etaAt: orNull(INSTANT),
  awaiting: orNull(object({ since: INSTANT, nextPollAt: INSTANT, deadlineAt: INSTANT })),
  output: {},
  failure: object(
    {
      reason: { enum: FAILURE_REASONS },
      code: orNull(TEXT),
      message: TEXT,
      attempts: { type: "integer" },
      retryable: { type: "boolean" },
      phase: orNull(TEXT),
      details: {},
    },
    ["details"],
  ),
};

function jobSchema(kinds: readonly string[]): Schema {
  return object({ kind: { enum: kinds }, ...COMMON, ...BY_STATUS }, Object.keys(BY_STATUS));
}

function eventSchema(): Schema {
  return object(
    {
      id: TEXT,
      type: { enum: [...new Set(Object.values(EVENT_OF))] },
      jobId: TEXT,
      kind: TEXT,
      version: { type: "integer" },
      from: orNull({ enum: STATUSES }),
      status: { enum: STATUSES },
      word: TEXT,
      message: TEXT,
      at: INSTANT,
      attempt: { type: "integer" },
      owner: orNull(TEXT),
      subject: orNull(TEXT),
      phase: orNull(TEXT),
      reason: orNull(TEXT),
      failureReason: orNull({ enum: FAILURE_REASONS }),
      metadata: {},
      actor: orNull(TEXT),
    },
    ["metadata", "actor"],
  );
}
