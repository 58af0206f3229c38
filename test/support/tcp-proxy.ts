// A TCP proxy in front of a server, that loses what a test wants lost.
import { connect, createServer, type Server, type Socket } from "node:net";

interface Link {
  readonly inner: Socket;
  readonly outer: Socket;
  /** Bytes of commands on the way to the server hold this text. */
  isMarked: boolean;
  /** Nothing goes through it any more, and nobody is told. */
  isSilent: boolean;
  /** Whether a reply of it was lost before it ended. */
  readonly ended: Promise<boolean>;
  readonly end: (isReplyLost: boolean) => void;
}

/** What befalls the connection of the next command that holds a text. */
interface Trap {
  readonly text: string;
  readonly spring: (link: Link, chunk: Buffer) => void;
}

export class TcpProxy {
  readonly port: number;
  readonly #server: Server;
  readonly #links = new Set<Link>();
  #target: number;
  #isPaused = false;
  #dropping: { readonly text: string; readonly count: number } | null = null;
  #dropNth: number | null = null;
  #trap: Trap | null = null;
  /** Replies that were lost. */
  dropped = 0;

  private constructor(server: Server, port: number, target: number) {
    this.#server = server;
    this.port = port;
    this.#target = target;
    server.on("connection", (outer) => {
      this.#join(outer);
    });
  }

  static async to(target: number): Promise<TcpProxy> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("no port");
    return new TcpProxy(server, address.port, target);
  }

  /** Cuts the connection in place of the reply to the next commands that hold this text: they were run, nobody hears it. */
  dropReplies(text: string, count = 1): void {
    this.#dropping = { text, count };
  }

  /** The same for the n-th command from now, over all connections. One that the server has not answered yet is one. */
  dropNthReply(nth: number): void {
    this.#dropNth = nth;
  }

  /**
   * Cuts a connection in place of its next reply: of what was on its way, nobody knows whether it was done.
   *
   * @returns whether a reply was lost: the connection may end before it comes
   */
  loseReply(): Promise<boolean> {
    return new Promise((resolve) => {
      this.#trap = {
        text: "",
        spring: (link, chunk) => {
          link.isMarked = true;
          link.inner.write(chunk);
          resolve(link.ended);
        },
      };
    });
  }

  /** The connection of the next command that holds this text goes silent with it. Resolves when it has. */
  silence(text: string): Promise<void> {
    return new Promise((resolve) => {
      this.#trap = {
        text,
        spring: (link) => {
          link.isSilent = true;
          resolve();
        },
      };
    });
  }

  /** The next command that holds this text stays on its way until it is let go. Resolves when it has come. */
  hold(text: string): Promise<() => void> {
    return new Promise((resolve) => {
      this.#trap = {
        text,
        spring: (link, chunk) => {
          resolve(() => link.inner.write(chunk));
        },
      };
    });
  }

  /** New connections lead elsewhere, and those that there are end. */
  redirect(target: number): void {
    this.#target = target;
    for (const link of [...this.#links]) cut(link);
  }

  /** Nothing goes through any more, and nobody is told. */
  pause(): void {
    this.#isPaused = true;
    for (const { inner, outer } of this.#links) {
      inner.pause();
      outer.pause();
    }
  }

  /** Over the connections that there are nothing goes any more, and nobody is told; new ones are as ever. */
  blackHole(): void {
    for (const link of this.#links) link.isSilent = true;
  }

  async close(): Promise<void> {
    for (const link of [...this.#links]) cut(link);
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #isTrapped(link: Link, chunk: Buffer): boolean {
    const trap = this.#trap;
    if (trap === null || !chunk.includes(trap.text)) return false;
    this.#trap = null;
    trap.spring(link, chunk);
    return true;
  }

  #isToBeLost(chunk: Buffer): boolean {
    if (this.#dropNth !== null) {
      this.#dropNth -= 1;
      if (this.#dropNth > 0) return false;
      this.#dropNth = null;
      return true;
    }
    return this.#dropping !== null && chunk.includes(this.#dropping.text);
  }

  #join(outer: Socket): void {
    const inner = connect(this.#target, "127.0.0.1");
    let said: (isReplyLost: boolean) => void = () => undefined;
    const ended = new Promise<boolean>((resolve) => {
      said = resolve;
    });
    const link: Link = { outer, inner, isMarked: false, isSilent: false, ended, end: said };
    this.#links.add(link);
    if (this.#isPaused) this.pause();
    const end = (): void => {
      this.#links.delete(link);
      link.end(false);
      cut(link);
    };
    for (const socket of [link.inner, outer]) socket.on("close", end).on("error", end);
    outer.on("data", (chunk) => {
      if (link.isSilent || this.#isTrapped(link, chunk)) return;
      if (this.#isToBeLost(chunk)) link.isMarked = true;
      link.inner.write(chunk);
    });
    link.inner.on("data", (chunk) => {
      if (link.isSilent) return;
      // A script that the server does not know has not run: that answer is none.
      if (!link.isMarked || chunk.includes("NOSCRIPT")) {
        outer.write(chunk);
        return;
      }
      this.dropped += 1;
      if (this.#dropping !== null) {
        const { text, count } = this.#dropping;
        this.#dropping = count === 1 ? null : { text, count: count - 1 };
      }
      link.end(true);
      end();
    });
  }
}

function cut({ inner, outer }: Link): void {
  inner.destroy();
  outer.destroy();
}
