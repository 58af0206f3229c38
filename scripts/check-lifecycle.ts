/**
 * The table of the lifecycle and its diagram, derived from the machine.
 *
 * `npm run check:lifecycle` fails when src/core/job/lifecycle.ts or the diagram in docs/lifecycle.md is not what the machine
 * says; `npm run check:lifecycle -- --write` writes both.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { format, resolveConfig } from "prettier";
import { lifecycleMachine } from "../src/core/job/machine.js";

interface Edge {
  readonly id: string;
  readonly from: string | null;
  readonly to: string;
  readonly event: string;
}

const TABLE = "src/core/job/lifecycle.ts";
const DOCS = "docs/lifecycle.md";
const [BEGIN, END] = ["<!-- diagram: begin -->", "<!-- diagram: end -->"];

const statuses = Object.keys(lifecycleMachine.states);
const finals = Object.values(lifecycleMachine.states)
  .filter((node) => node.type === "final")
  .map((node) => node.key);
const initial = lifecycleMachine.root.initial.target[0]?.key ?? "";
const edges: readonly Edge[] = [{ id: "T1", from: null, to: initial, event: "created" }, ...declared()].sort(
  byId,
);

/** Every transition of the machine. One without a target stays where it is. */
function declared(): Edge[] {
  return Object.values(lifecycleMachine.states).flatMap((node) =>
    [...node.transitions.values()].flat().map((transition) => {
      const { edge } = (transition.meta ?? {}) as { edge?: string };
      if (edge === undefined)
        throw new Error(`${node.key}.${transition.eventType} carries no edge id in its meta`);
      return {
        id: edge,
        from: node.key,
        to: transition.target?.[0]?.key ?? node.key,
        event: transition.eventType,
      };
    }),
  );
}

/** T1–T9 first, then what happens in place, as the machine lists it. */
function byId(a: Edge, b: Edge): number {
  const [left, right] = [a, b].map(({ id }) => (/^T\d+$/.test(id) ? Number(id.slice(1)) : Infinity));
  return left === right ? 0 : Number(left) - Number(right);
}

const quoted = (names: readonly string[], between: string): string =>
  names.map((name) => `"${name}"`).join(between);
const events = [...new Set(declared().map(({ event }) => event))];

const transitions = statuses.map((status) => {
  const leaving = declared().filter(({ from }) => from === status);
  return `${status}: { ${leaving.map(({ event, id }) => `${event}: "${id}"`).join(", ")} },`;
});

const table = `// Generated from machine.ts by scripts/check-lifecycle.ts. Do not edit: change the machine, then run
// \`npm run check:lifecycle -- --write\`.

/** The five statuses of a job. Nothing else is a status. */
export type JobStatus = ${quoted(statuses, " | ")};

/** What can happen to a status. */
export type LifecycleEvent = ${quoted(events, " | ")};

/** The name of an edge: \`T1\`–\`T9\` change the status, the others happen in place. */
export type EdgeId = ${quoted(
  edges.map(({ id }) => id),
  " | ",
)};

/** An edge: the status before (\`null\`: the job did not exist), the status after. */
export interface Edge {
  readonly from: JobStatus | null;
  readonly to: JobStatus;
  readonly event: LifecycleEvent | "created";
}

/** Every status, in the order of a job's life. */
export const STATUSES: readonly JobStatus[] = [${quoted(statuses, ", ")}];

/** Every edge by its id. */
export const EDGES: Readonly<Record<EdgeId, Edge>> = {
${edges.map(({ id, from, to, event }) => `${id}: { from: ${JSON.stringify(from)}, to: "${to}", event: "${event}" },`).join("\n")}
};

/** What may follow each status: event → edge. An event that a status does not allow is not there, and does not compile. */
export const TRANSITIONS = {
${transitions.join("\n")}
} as const satisfies Readonly<Record<JobStatus, Readonly<Partial<Record<LifecycleEvent, EdgeId>>>>>;

/** What can happen to a status; \`never\` to a final one. */
export type EventIn<Status extends JobStatus> = keyof (typeof TRANSITIONS)[Status];

/** Whether a status is final: no edge leaves it. */
export function isFinal(status: JobStatus): status is ${quoted(finals, " | ")} {
  return ${finals.map((status) => `status === "${status}"`).join(" || ")};
}
`;

const diagram = [
  "```mermaid",
  "stateDiagram-v2",
  ...edges
    .filter(({ from, to }) => from !== to)
    .map(({ id, from, to }) => `  ${from ?? "[*]"} --> ${to}: ${id}`),
  ...edges.filter(({ from, to }) => from === to).map(({ id, to }) => `  ${to} --> ${to}: ${id}`),
  ...finals.map((status) => `  ${status} --> [*]`),
  "```",
].join("\n");

/** The page with the diagram between its markers. */
function illustrated(page: string): string {
  const [begin, end] = [page.indexOf(BEGIN), page.indexOf(END)];
  if (begin < 0 || end < begin) throw new Error(`${DOCS} lacks the markers ${BEGIN} and ${END}`);
  return `${page.slice(0, begin)}${BEGIN}\n\n${diagram}\n\n${page.slice(end)}`;
}

const options = (await resolveConfig(TABLE)) ?? {};
const wanted = new Map([
  [TABLE, await format(table, { ...options, filepath: TABLE })],
  [DOCS, await format(illustrated(readFileSync(DOCS, "utf8")), { ...options, filepath: DOCS })],
]);

for (const [path, text] of wanted) {
  if (readFileSync(path, "utf8") === text) continue;
  if (process.argv.includes("--write")) {
    writeFileSync(path, text);
    console.log(`${path} written`);
  } else {
    console.error(`${path} is not what the machine says: npm run check:lifecycle -- --write`);
    process.exitCode = 1;
  }
}
