import { TcpProxy } from "../support/tcp-proxy.js";
import type { Faults } from "./nemesis.js";

/** The connections of some processes to the store's server, each process behind a proxy of its own. */
export class Connections {
  readonly #proxies: ReadonlyMap<string, TcpProxy>;
  /** What strikes a process next, one at a time. */
  readonly #last = new Map<string, Promise<unknown>>();
  #strikes = 0;

  private constructor(proxies: ReadonlyMap<string, TcpProxy>) {
    this.#proxies = proxies;
  }

  /** @param address - the port of the server on the loopback */
  static async to(address: string, names: readonly string[]): Promise<Connections> {
    const made = names.map(async (name) => [name, await TcpProxy.to(Number(address))] as const);
    return new Connections(new Map(await Promise.all(made)));
  }

  /** Where a process finds the server; `null`: straight. */
  addressOf(name: string): string | null {
    const proxy = this.#proxies.get(name);
    return proxy === undefined ? null : String(proxy.port);
  }

  /** Strikes one of the processes, in turn. Resolves when it has. */
  async strike(fault: "silences" | "lostReplies"): Promise<void> {
    const names = [...this.#proxies.keys()];
    const name = names[this.#strikes % names.length];
    this.#strikes += 1;
    const proxy = name === undefined ? undefined : this.#proxies.get(name);
    if (name === undefined || proxy === undefined) throw new Error("no process is behind a proxy");
    const before = this.#last.get(name);
    const strike = async (): Promise<void> => {
      await before;
      if (fault === "silences") await proxy.silence("");
      // One that was killed with its reply on the way lost none.
      else while (!(await proxy.loseReply()));
    };
    const striking = strike();
    this.#last.set(name, striking);
    await striking;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#proxies.values()].map((proxy) => proxy.close()));
  }
}

/** Proxies before these processes, where anything is to befall their connections. */
export async function connectionsOf(
  { silences, lostReplies }: Faults,
  address: string,
  names: readonly string[],
): Promise<Connections | null> {
  return silences + lostReplies === 0 ? null : Connections.to(address, names);
}
