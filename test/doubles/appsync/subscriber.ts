import { WebSocket } from "ws";

type Frame = Readonly<Record<string, unknown>>;

/** A client of the double's WebSockets, written from the published protocol. */
export class RealtimeClient {
  readonly frames: Frame[] = [];
  readonly #socket: WebSocket;
  #waiting: (() => void)[] = [];

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on("message", (raw) => {
      this.frames.push(JSON.parse((raw as Buffer).toString("utf8")) as Frame);
      const waiting = this.#waiting;
      this.#waiting = [];
      for (const wake of waiting) wake();
    });
  }

  /** Opens a socket, with the headers in a sub-protocol or in the query, and says `connection_init`. */
  static async open(
    url: string,
    protocol: "graphql-ws" | "aws-appsync-event-ws",
    headers: Readonly<Record<string, string>>,
    headersIn: "protocol" | "query" = "protocol",
  ): Promise<RealtimeClient> {
    const encoded = Buffer.from(JSON.stringify(headers));
    const socket =
      headersIn === "protocol"
        ? new WebSocket(url, [protocol, `header-${encoded.toString("base64url")}`])
        : new WebSocket(
            `${url}?header=${encodeURIComponent(encoded.toString("base64"))}&payload=e30=`,
            protocol,
          );
    const client = new RealtimeClient(socket);
    await new Promise((resolve, reject) => {
      socket.once("open", resolve);
      socket.once("error", reject);
    });
    client.send({ type: "connection_init" });
    return client;
  }

  send(frame: Frame): void {
    this.#socket.send(JSON.stringify(frame));
  }

  /** The first frame of these types, for this subscription if one is named. */
  async next(types: readonly string[], id?: string): Promise<Frame> {
    for (;;) {
      const found = this.frames.find(
        (frame) => types.includes(String(frame["type"])) && (id ?? frame["id"]) === frame["id"],
      );
      if (found !== undefined) return found;
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  /** Subscribes to the updates of an address; returns the frame with which that was answered. */
  subscribe(id: string, authorization: Readonly<Record<string, string>>, userEmail?: string): Promise<Frame> {
    const query =
      "subscription Mine($userEmail: String) { onJobUpdate(userEmail: $userEmail) { id action status timestamp message userEmail jobId version } }";
    const variables = userEmail === undefined ? {} : { userEmail };
    const data = JSON.stringify({ query, variables });
    this.send({ id, type: "start", payload: { data, extensions: { authorization } } });
    return this.next(["start_ack", "error"], id);
  }

  /** What came of `data` for a subscription, so many at least. */
  async data(id: string, count: number): Promise<readonly Frame[]> {
    for (;;) {
      const frames = this.frames.filter((frame) => frame["type"] === "data" && frame["id"] === id);
      if (frames.length >= count) return frames;
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  close(): void {
    this.#socket.terminate();
  }
}
