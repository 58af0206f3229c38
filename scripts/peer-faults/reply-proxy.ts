import { connect, createServer, type Server, type Socket } from "node:net";

interface Trap {
  readonly text: string;
  readonly instead: (cut: () => void) => void;
}

interface Link {
  readonly outer: Socket;
  readonly inner: Socket;
  /** The end of what went before, since a text may lie across two chunks. */
  tail: string;
  trap: Trap | null;
  /** Its reply was taken: nothing more comes back. */
  isSilent: boolean;
}

/** A TCP proxy that lets one command through and keeps its reply from whoever sent it. */
export class ReplyProxy {
  readonly port: number;
  readonly #server: Server;
  readonly #links = new Set<Link>();
  #trap: Trap | null = null;

  private constructor(server: Server, port: number, target: number) {
    this.#server = server;
    this.port = port;
    server.on("connection", (outer) => {
      this.#join(outer, target);
    });
  }

  static async to(target: number): Promise<ReplyProxy> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("no port");
    return new ReplyProxy(server, address.port, target);
  }

  /** The next command that holds this text is run; its reply, and all that would follow on its connection, is lost. */
  lose(text: string, instead: Trap["instead"]): void {
    this.#trap = { text, instead };
  }

  async close(): Promise<void> {
    for (const link of this.#links) end(link);
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #join(outer: Socket, target: number): void {
    const inner = connect(target, "127.0.0.1");
    const link: Link = { outer, inner, tail: "", trap: null, isSilent: false };
    this.#links.add(link);
    const gone = (): void => {
      this.#links.delete(link);
      end(link);
    };
    for (const socket of [outer, inner]) socket.on("close", gone).on("error", gone);
    outer.on("data", (chunk) => {
      this.#look(link, chunk);
      inner.write(chunk);
    });
    inner.on("data", (chunk) => {
      if (link.isSilent) return;
      // A script that the server does not know was not run: that answer is none.
      if (link.trap === null || chunk.includes("NOSCRIPT")) {
        outer.write(chunk);
        return;
      }
      link.isSilent = true;
      link.trap.instead(gone);
    });
  }

  #look(link: Link, chunk: Buffer): void {
    if (this.#trap === null) return;
    const seen = link.tail + chunk.toString("latin1");
    link.tail = seen.slice(-this.#trap.text.length);
    if (!seen.includes(this.#trap.text)) return;
    link.trap = this.#trap;
    this.#trap = null;
  }
}

function end({ outer, inner }: Link): void {
  outer.destroy();
  inner.destroy();
}
