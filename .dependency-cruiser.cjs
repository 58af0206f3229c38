/** Drivers come from the user, as values; naming their types is all that src may do. Few are installed here. */
const DRIVERS =
  "(^|/)(@types/)?(libsql|better-sqlite3|pg|ioredis|amqplib|ws|react|request-filtering-agent)(/|$)|(^|/)@(aws-sdk|smithy)/|^node:sqlite$";

/**
 * What adapters and transports may know of the core: the contracts (ports; Clock and Ids, which are passed in), the plain
 * data that goes through them, the encoders of what leaves, and the door that refuses unknown options.
 */
const PORT_SIDE =
  "^src/core/(ports/|wire/|job/(?!machine)|errors/(errors|error-codes|foreign|result)\\.ts$|environment/(clock|ids)\\.ts$|json/json\\.ts$|options/(options|owner-option)\\.ts$|view/(access|public-view)\\.ts$)";

/** Data and tables without behaviour: what a decision is made of. */
const PURE = "^src/core/(decide/|job/(record|lifecycle|history|event)\\.ts$|json/json\\.ts$|defaults\\.ts$)";

/** @type {import("dependency-cruiser").IConfiguration} */
module.exports = {
  forbidden: [
    {
      name: "no-cycles",
      comment: "Types count too: two files that name each other are one file, or want a third.",
      severity: "error",
      from: {},
      to: { circular: true },
    },
    {
      name: "resolvable",
      comment: "An import that leads nowhere escapes every other rule.",
      severity: "error",
      from: {},
      to: { couldNotResolve: true, pathNot: DRIVERS },
    },
    {
      name: "core-stands-alone",
      severity: "error",
      from: { path: "^src/core/" },
      to: { path: "^src/", pathNot: "^src/core/" },
    },
    {
      name: "decisions-are-pure",
      comment: "A decision is a function of record, command and now: no engine, no I/O, no package.",
      severity: "error",
      from: { path: "^src/core/decide/" },
      to: { pathNot: PURE, dependencyTypesNot: ["type-only"] },
    },
    {
      name: "decisions-name-core-types-only",
      severity: "error",
      from: { path: "^src/core/decide/" },
      to: { pathNot: "^src/core/(?!engine|worker)", dependencyTypes: ["type-only"] },
    },
    {
      name: "generated-table-imports-nothing",
      comment: "The browser client and every adapter carry it.",
      severity: "error",
      from: { path: "^src/core/job/lifecycle\\.ts$" },
      to: {},
    },
    {
      name: "xstate-only-in-the-machine",
      severity: "error",
      from: { path: "^src/", pathNot: "^src/(core/job/)?machine\\.ts$" },
      to: { path: "(^|/)xstate(/|$)" },
    },
    {
      name: "root-loads-no-machine",
      comment: "xstate costs 54 ms of cold import; the root entry reads the generated table.",
      severity: "error",
      from: { path: "^src/index\\.ts$" },
      to: { path: "^src/(core/job/)?machine\\.ts$", reachable: true },
    },
    {
      name: "root-has-no-adapter-but-memory",
      severity: "error",
      from: { path: "^src/index\\.ts$" },
      to: { path: "^src/(adapters/(?!memory/)|transports/|testing/)", reachable: true },
    },
    {
      name: "adapters-and-transports-know-the-ports-only",
      severity: "error",
      from: { path: "^src/(adapters|transports)/", pathNot: "^src/transports/websocket/" },
      to: { path: "^src/", pathNot: [PORT_SIDE, "^src/(adapters|transports)/"] },
    },
    {
      name: "the-gateway-stands-on-observe",
      comment:
        "It is a transport of views, not of events: beside the ports it knows the public types and what is live.",
      severity: "error",
      from: { path: "^src/transports/websocket/" },
      to: {
        path: "^src/",
        pathNot: [PORT_SIDE, "^src/transports/websocket/", "^src/core/(live/|api/|define/any-def\\.ts$)"],
      },
    },
    {
      name: "http-and-lambda-know-the-public-side",
      comment: "Both are written on the public API, as an application would be: never on the engine.",
      severity: "error",
      from: { path: "^src/(http|lambda)(/|\\.ts$)" },
      to: {
        path: "^src/",
        pathNot:
          "^src/((http|lambda)(/|\\.ts$)|core/(api/|define/|environment/|errors/|job/|json/|live/|options/|view/|wire/|[^/]+\\.ts$))",
      },
    },
    {
      name: "client-runs-anywhere",
      comment: "The browser loads no error table, no definition machinery and no package: types are free.",
      severity: "error",
      from: { path: "^src/client(/|\\.ts$)" },
      to: {
        pathNot: "^src/(client/|core/(job/lifecycle|errors/result)\\.ts$)",
        dependencyTypesNot: ["type-only"],
      },
    },
    {
      name: "react-knows-the-client-by-its-types",
      severity: "error",
      from: { path: "^src/react(/|\\.ts$)" },
      to: { path: "^src/", pathNot: "^src/react/", dependencyTypesNot: ["type-only"] },
    },
    {
      name: "adapters-and-transports-know-nothing-of-each-other",
      severity: "error",
      from: { path: "^src/(adapters|transports)/([^/]+)/" },
      to: { path: "^src/(adapters|transports)/", pathNot: "^src/$1/$2/" },
    },
    {
      name: "testing-knows-core-and-memory",
      severity: "error",
      from: { path: "^src/testing(/|\\.ts$)" },
      to: { path: "^src/", pathNot: "^src/(core|testing|adapters/memory)/" },
    },
    {
      name: "no-driver",
      comment:
        "But for one file a part where something of a package is needed at run time: the commands of the AWS SDK are classes; signing, filtering and the WebSocket protocol are left to packages that do nothing else.",
      severity: "error",
      from: {
        path: "^src/",
        pathNot: [
          "^src/adapters/(dynamodb/client|sqs)/commands\\.ts$",
          "^src/transports/appsync/signature\\.ts$",
          "^src/transports/webhook/network\\.ts$",
          "^src/transports/websocket/gateway\\.ts$",
          "^src/react(/|\\.ts$)",
        ],
      },
      to: { path: DRIVERS, dependencyTypesNot: ["type-only"] },
    },
    {
      name: "runs-in-a-browser",
      comment: "The root entry is core and memory.",
      severity: "error",
      from: { path: "^src/(core|adapters/memory)/" },
      to: { dependencyTypes: ["core"] },
    },
  ],
  options: {
    // Sees `import type` too.
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    doNotFollow: { path: "node_modules" },
    enhancedResolveOptions: { exportsFields: ["exports"], conditionNames: ["import", "types", "default"] },
  },
};
