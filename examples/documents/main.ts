// Eight documents of two people, through a naive build and through Waybill, while roads break and processes are killed.
import { setTimeout as sleep } from "node:timers/promises";
import { runExample, type Stage } from "../stage/run.js";
import { openWaybill } from "./open-waybill.js";
import { playNaive, playWaybill, type Scene, until } from "./run/acts.js";
import { openParts, type Parts } from "./run/parts.js";
import { SAMPLES } from "./run/samples.js";
import { NaiveVisitor, openVisitor, type User, type Visitor } from "./run/visitors.js";
import { type End, judge, judgeNaive, type Verdict } from "./verdict.js";

const USERS = ["ana", "ben"] as const;
/** A page that was cut off waits up to 30 s before it tries again by itself. */
const PATIENCE_MS = 45_000;

const HEAD = ["documents", "NAIVE row", "page", "index", "WAYBILL row", "page", "index"];

await runExample(play, { page: true });

async function play(stage: Stage): Promise<boolean> {
  const times = stage.fast ? { stepMs: 150, outageMs: 1_500 } : { stepMs: 400, outageMs: 4_000 };
  const parts = await openParts(stage, times.stepMs);
  const opened = openWaybill();
  stage.atEnd(opened.close);
  const scene: Scene = { stage, parts, pool: opened.pool, outageMs: times.outageMs };
  for (const user of USERS)
    stage.screen.say(`look at ${parts.origin}/?session=${parts.sessions[user]} as ${user}`);
  if (stage.withFault && !parts.hasRoads)
    stage.screen.say("There is no road to this broker: normal work only.");
  await stage.visit(parts.visited);
  const visitors = visitorsOf(stage, parts);
  const naive = await naiveVisitorsOf(stage, parts);
  const pages = Object.values(visitors);
  const naivePages = Object.values(naive);
  const now = async (): Promise<Ends> => {
    const [verdict, theirs] = await Promise.all([
      judge(opened, SAMPLES, pages),
      judgeNaive(opened.pool, SAMPLES, naivePages),
    ]);
    show(stage, verdict.ends, theirs);
    return { verdict, theirs };
  };
  const watching = setInterval(() => void now().catch(() => undefined), 500);
  stage.atEnd(() => {
    clearInterval(watching);
  });
  const workspaces = await makeWorkspaces(stage, visitors);
  await Promise.all([playWaybill(scene, visitors, workspaces), playNaive(scene, naive)]);
  const last = await settled(stage, now);
  clearInterval(watching);
  return report(stage, last, naivePages);
}

interface Ends {
  readonly verdict: Verdict;
  readonly theirs: readonly End[];
}

function visitorsOf(stage: Stage, { origin, anasOrigin, sessions }: Parts): Readonly<Record<User, Visitor>> {
  const visitors = {
    ana: openVisitor("ana", anasOrigin, sessions.ana),
    ben: openVisitor("ben", origin, sessions.ben),
  };
  stage.atEnd(() => {
    for (const visitor of Object.values(visitors)) visitor.close();
  });
  return visitors;
}

async function naiveVisitorsOf(
  stage: Stage,
  { naiveOrigin, anasNaiveOrigin }: Parts,
): Promise<Readonly<Record<User, NaiveVisitor>>> {
  const visitors = {
    ana: new NaiveVisitor("ana", anasNaiveOrigin.replace("http", "ws")),
    ben: new NaiveVisitor("ben", naiveOrigin.replace("http", "ws")),
  };
  stage.atEnd(() => {
    for (const visitor of Object.values(visitors)) visitor.close();
  });
  await until(stage, "the naive pages are open", () => Object.values(visitors).every(({ isOpen }) => isOpen));
  return visitors;
}

/** A workspace for each, which has to be set up before anything can be put into it. */
async function makeWorkspaces(
  stage: Stage,
  visitors: Readonly<Record<User, Visitor>>,
): Promise<Readonly<Record<User, string>>> {
  const names = { ana: "Contracts", ben: "Research" };
  const made = await Promise.all(
    USERS.map(async (user) => {
      const { store, post } = visitors[user];
      const { id } = (await (await post(`/api/workspaces?name=${names[user]}`)).json()) as { id: string };
      // The row, not the job: the API looks at the row.
      await until(stage, `the workspace of ${user} is set up`, async () => {
        await store.refresh().catch(() => undefined);
        return (
          store.getState().rows?.workspaces.some((row) => row.id === id && row.status === "ready") ?? false
        );
      });
      return [user, id] as const;
    }),
  );
  return Object.fromEntries(made) as Record<User, string>;
}

/** Asks the stores until all is as it should be and the naive build has done what it will ever do, or patience ends. */
async function settled(stage: Stage, now: () => Promise<Ends>): Promise<Ends> {
  const giveUpAt = Date.now() + PATIENCE_MS;
  for (;;) {
    const ends = await now();
    const theirLast = ends.theirs.filter(({ id }) => id === "d-7" || id === "d-8");
    if ((ends.verdict.isTrue && theirLast.every(({ isRight }) => isRight)) || Date.now() > giveUpAt)
      return ends;
    await sleep(200, undefined, { signal: stage.signal });
  }
}

function show({ screen }: Stage, ours: readonly End[], theirs: readonly End[]): void {
  const cells = (end: End | undefined): readonly string[] => [
    end?.row ?? "",
    end?.page ?? "",
    (end?.indexed ?? 0) === 0 ? (end?.error ?? "no") : `${String(end?.indexed)} chunks`,
  ];
  screen.show({
    head: HEAD,
    rows: SAMPLES.map(({ id, user }) => [
      `${id} ${user}`,
      ...cells(theirs.find((end) => end.id === id)),
      ...cells(ours.find((end) => end.id === id)),
    ]),
  });
}

function report(
  { screen, withFault }: Stage,
  { verdict, theirs }: Ends,
  naivePages: readonly NaiveVisitor[],
): boolean {
  screen.keep();
  const all = SAMPLES.length;
  const right = theirs.filter(({ isRight }) => isRight).length;
  screen.say(`ended right               naive ${right} of ${all}, Waybill ${verdict.right} of ${all}`);
  screen.say(
    `bytes of the other user   naive ${foreignBytesOf(naivePages)}, Waybill ${verdict.foreignBytes}`,
  );
  const isTrue = verdict.isTrue && (withFault || right === all);
  const wrong = verdict.ends.filter((end) => !end.isRight).map(({ id }) => id);
  screen.verdict(
    isTrue,
    isTrue
      ? `${all} jobs, ${all} rows, both pages and the index agree; nobody received a byte of another's.`
      : `Job, row, page and index do not agree of: ${wrong.join(", ") || "none"}; ${verdict.foreignBytes} bytes of another's were received, ${verdict.undelivered} changes are undelivered; the naive build has ${right} of ${all}.`,
  );
  return isTrue;
}

function foreignBytesOf(pages: readonly NaiveVisitor[]): number {
  const foreign = pages.flatMap(({ user, received }) =>
    received.filter((text) => !text.includes(`"user_id":"${user}"`)),
  );
  return foreign.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
}
