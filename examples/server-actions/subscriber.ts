import { WebSocket } from "ws";

/** An update, as AppSync tells it. */
export interface Update {
  readonly id: string;
  readonly action: string;
  readonly status: string;
  readonly timestamp: number;
  readonly message: string | null;
  readonly userEmail: string | null;
  readonly jobId: string | null;
  readonly version: number | null;
}

export interface SubscriberOptions {
  readonly realtimeUrl: string;
  readonly token: string;
  readonly userEmail: string;
  /** Reads the own jobs once, from the application: AppSync says nothing of what was before. */
  readonly read: () => Promise<readonly Update[]>;
  readonly onUpdate?: (update: Update) => void;
}

const QUERY = `subscription Mine($userEmail: String!) {
  onJobUpdate(userEmail: $userEmail) { id action status timestamp message userEmail jobId version }
}`;

/**
 * The page of one person: subscribes, reads once after each `start_ack`, and keeps of each job what has the highest version.
 * In the other order, a change between reading and subscribing would be lost.
 */
export class Subscriber {
  /** Everything that came, in order, as it came. */
  readonly heard: Update[] = [];
  /** What the page shows: the newest of each job. */
  readonly jobs = new Map<string, Update>();
  readonly #options: SubscriberOptions;
  #socket: WebSocket | null = null;
  #closed = false;

  constructor(options: SubscriberOptions) {
    this.#options = options;
  }

  /** Resolves when AppSync has acknowledged the subscription and the jobs have been read. */
  async open(): Promise<void> {
    const authorization = {
      host: new URL(this.#options.realtimeUrl).host,
      Authorization: this.#options.token,
    };
    const header = Buffer.from(JSON.stringify(authorization)).toString("base64url");
    const socket = new WebSocket(this.#options.realtimeUrl, ["graphql-ws", `header-${header}`]);
    this.#socket = socket;
    socket.on("error", () => undefined);
    const acknowledged = new Promise<void>((resolve, reject) => {
      socket.on("message", (raw) => {
        this.#frame(JSON.parse((raw as Buffer).toString("utf8")) as Frame, authorization, resolve, reject);
      });
      socket.on("open", () => {
        send(socket, { type: "connection_init" });
      });
      socket.on("close", () => {
        reject(new Error("AppSync closed the connection."));
        if (!this.#closed) setTimeout(() => void this.open().catch(() => undefined), 250).unref();
      });
    });
    await acknowledged;
    for (const update of await this.#options.read()) this.#keep(update);
  }

  close(): void {
    this.#closed = true;
    this.#socket?.terminate();
  }

  #frame(frame: Frame, authorization: object, started: () => void, refused: (error: Error) => void): void {
    switch (frame.type) {
      case "connection_ack": {
        const data = JSON.stringify({ query: QUERY, variables: { userEmail: this.#options.userEmail } });
        if (this.#socket) {
          send(this.#socket, { id: "mine", type: "start", payload: { data, extensions: { authorization } } });
        }
        break;
      }
      case "start_ack":
        started();
        break;
      case "data": {
        const update = frame.payload?.data?.onJobUpdate;
        if (update === undefined) break;
        this.heard.push(update);
        this.#keep(update);
        this.#options.onUpdate?.(update);
        break;
      }
      case "error":
      case "connection_error":
        refused(new Error("AppSync refused the subscription."));
    }
  }

  /** An update may come twice, or after a newer one that was read meanwhile. */
  #keep(update: Update): void {
    const { jobId, version } = update;
    if (jobId === null || version === null) return;
    const known = this.jobs.get(jobId)?.version ?? 0;
    if (version > known) this.jobs.set(jobId, update);
  }
}

interface Frame {
  readonly type: string;
  readonly payload?: { readonly data?: { readonly onJobUpdate?: Update } };
}

function send(socket: WebSocket, frame: object): void {
  socket.send(JSON.stringify(frame));
}
