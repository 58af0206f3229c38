// Who looks: Ana's and Ben's pages without a browser. Each keeps what its page shows, and every byte that it was sent.
import { WebSocket } from "ws";
import { createClient } from "waybill/client";
import { type Kinds, openStore, type PageStore, type Rows } from "../page/store.js";

export type User = "ana" | "ben";

export interface Visitor {
  readonly user: User;
  /** What the page shows of a document; `null`: nothing yet. */
  shown(documentId: string): string | null;
  /** Where a document is, inside of `processing`. */
  phaseOf(documentId: string): string | null;
  /** All that ever reached this page. */
  readonly received: readonly string[];
  readonly post: (path: string, body?: Uint8Array) => Promise<Response>;
  /** Looks at the page again, as after the laptop was opened. */
  look(): void;
  readonly store: PageStore;
  close(): void;
}

/** The page as it is served, with Waybill's client and its Redux store, on another machine. */
export function openVisitor(user: User, origin: string, session: string): Visitor {
  const received: string[] = [];
  const recorded: typeof fetch = async (input, init) => {
    const response = await fetch(input, init);
    void record(response.clone(), received);
    return response;
  };
  class Recorded extends WebSocket {
    constructor(url: string, protocol: string) {
      super(url, protocol);
      this.on("message", (data: Buffer) => received.push(data.toString("utf8")));
    }
  }
  let look = (): void => undefined;
  const client = createClient<Kinds>({
    ...{ baseUrl: `${origin}/jobs`, accessToken: session, fetch: recorded },
    WebSocket: Recorded,
    onWake: (wake) => {
      look = wake;
      return () => undefined;
    },
  });
  const ask = (path: string, init: RequestInit = {}): Promise<Response> =>
    recorded(`${origin}${path}`, { ...init, headers: { authorization: `Bearer ${session}` } });
  const store = openStore(client, async () => {
    const [workspaces, documents] = await Promise.all(
      ["workspaces", "documents"].map(async (name) => (await ask(`/api/${name}`)).json()),
    );
    return { workspaces, documents } as Rows;
  });
  const leave = store.listen();
  const jobOf = (documentId: string) => store.getState().jobs.get(`document:${documentId}`);
  return {
    ...{ user, received, store },
    shown: (documentId) => jobOf(documentId)?.word ?? null,
    phaseOf: (documentId) => {
      const job = jobOf(documentId);
      return job?.kind === "document.process" && job.status === "PROCESSING" ? job.phase : null;
    },
    post: (path, body) => ask(path, { method: "POST", ...(body === undefined ? {} : { body }) }),
    look: () => {
      look();
    },
    close: () => {
      leave();
      client.close();
    },
  };
}

/** Also of a stream, piece by piece, for as long as it lasts. */
async function record({ body }: Response, received: string[]): Promise<void> {
  const decoder = new TextDecoder();
  try {
    for await (const piece of body ?? [])
      received.push(decoder.decode(piece as Uint8Array, { stream: true }));
  } catch {
    // Cut off: what came until then was recorded.
  }
}

/** The page of the naive build: what was said in its room while it listened. It connects again when it was cut off. */
export class NaiveVisitor {
  readonly user: User;
  readonly received: string[] = [];
  readonly #url: string;
  readonly #shown = new Map<string, string>();
  #socket: WebSocket | null = null;
  #closed = false;

  constructor(user: User, url: string) {
    this.user = user;
    this.#url = url;
    this.#open();
  }

  get isOpen(): boolean {
    return this.#socket?.readyState === WebSocket.OPEN;
  }

  /** What an upload answered. */
  uploaded(documentId: string): void {
    if (!this.#shown.has(documentId)) this.#shown.set(documentId, "pending");
  }

  shown(documentId: string): string | null {
    return this.#shown.get(documentId) ?? null;
  }

  close(): void {
    this.#closed = true;
    this.#socket?.close();
  }

  #open(): void {
    if (this.#closed) return;
    const socket = new WebSocket(`${this.#url}/?user=${this.user}`);
    this.#socket = socket;
    socket.on("error", () => undefined);
    socket.on("close", () =>
      setTimeout(() => {
        this.#open();
      }, 100),
    );
    socket.on("message", (data: Buffer) => {
      const text = data.toString("utf8");
      this.received.push(text);
      const { document_id: id, status } = JSON.parse(text) as { document_id: string; status: string };
      this.#shown.set(id, status);
    });
  }
}
