// The whole service, as the run starts it, without a run.
import { once } from "node:events";
import { WebSocket } from "ws";
import { openParts, type Parts } from "../../../examples/documents/run/parts.js";
import { bytesOf, type Sample } from "../../../examples/documents/run/samples.js";
import { openVisitor, type Visitor } from "../../../examples/documents/run/visitors.js";
import { Children } from "../../../examples/stage/children.js";
import { openScreen } from "../../../examples/stage/screen.js";

export interface Bench {
  readonly parts: Parts;
  readonly ana: Visitor;
  readonly ben: Visitor;
  close(): Promise<void>;
}

export async function openBench(stepMs: number): Promise<Bench> {
  const closers: (() => unknown)[] = [];
  const screen = openScreen({ write: () => true });
  const children = new Children(screen);
  const stage = {
    ...{ withFault: false, fast: true, folder: "", screen, children, signal: new AbortController().signal },
    hasFault: () => false,
    visit: async () => undefined,
    atEnd: (close: () => unknown) => void closers.push(close),
  };
  const parts = await openParts(stage, stepMs);
  const ana = openVisitor("ana", parts.anasOrigin, parts.sessions.ana);
  const ben = openVisitor("ben", parts.origin, parts.sessions.ben);
  return {
    ...{ parts, ana, ben },
    async close() {
      ana.close();
      ben.close();
      for (const close of closers.reverse()) await close();
    },
  };
}

/** Makes a workspace; its id. */
export async function makeWorkspace({ post }: Visitor, name: string): Promise<string> {
  return ((await (await post(`/api/workspaces?name=${name}`)).json()) as { readonly id: string }).id;
}

/** Uploads a sample; its id. */
export async function upload({ post }: Visitor, workspaceId: string, sample: Sample): Promise<string> {
  const answer = await post(`/api/workspaces/${workspaceId}/documents?name=${sample.name}`, bytesOf(sample));
  return ((await answer.json()) as { readonly id: string }).id;
}

/** Says these frames over a socket of its own; the text of as many answers, `ready` first. */
export async function say(
  url: string,
  token: string,
  frames: readonly object[],
  answers: number,
): Promise<readonly string[]> {
  const socket = new WebSocket(url, "waybill.jobs.v1", { headers: { authorization: `Bearer ${token}` } });
  const received: string[] = [];
  const all = new Promise<void>((resolve) => {
    socket.on("message", (data: Buffer) => {
      received.push(data.toString("utf8"));
      if (received.length > answers) resolve();
    });
  });
  await once(socket, "open");
  for (const frame of frames) socket.send(JSON.stringify(frame));
  await all;
  socket.terminate();
  return received;
}
