import { lookup as dnsLookup, type LookupAddress } from "node:dns";
import { Agent as HttpAgent, type AgentOptions } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import type { LookupFunction } from "node:net";
import { RequestFilteringHttpsAgent } from "request-filtering-agent";
import { isLoopbackAddress, isPublicAddress } from "./address.js";

/** Finds all addresses of a name. */
export type Resolve = (
  hostname: string,
  options: {
    readonly all: true;
    readonly family?: number | "IPv4" | "IPv6" | undefined;
    readonly hints?: number | undefined;
  },
  done: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void;

/** What tests exchange; everywhere else it is the machine's own. */
export interface NetworkParts {
  readonly resolve: Resolve;
  readonly ports: readonly number[];
  /** Addresses that count as public: a server in a test has none that is. */
  readonly publicToo: readonly string[];
  /** A certificate authority beside the known ones. */
  readonly ca: string | undefined;
  /** How long an idle connection is kept. */
  readonly idleMs: number;
}

/** Many receivers close idle connections late or never, and there may be thousands of receivers. */
const IDLE_MS = 60_000;

const REAL: NetworkParts = {
  ...{ resolve: dnsLookup, ports: [443, 8443], publicToo: [], ca: undefined },
  idleMs: IDLE_MS,
};

/**
 * For one address, before the next of its name is tried. Node has a quarter of a second for it, in which a receiver on the other
 * side of the world never answers; this leaves room for a packet that is lost, and for several addresses within a call.
 */
const ONE_ADDRESS_MS = 2_500;

/** Idle connections kept for the next delivery, to one receiver. */
const IDLE_CONNECTIONS = 4;

/** The network as webhooks may use it. */
export interface Network {
  readonly ports: readonly number[];
  isPublic(address: string): boolean;
  agent(target: { readonly url: URL; readonly isLocal: boolean }): HttpAgent;
  /** Ends all connections. */
  close(): void;
}

/**
 * A network that reaches public addresses only, and this machine where a target is local. Each address of a name is judged
 * after its lookup and before its connection, which goes to the addresses that were judged: no later answer of a name server
 * can change them. One bad address refuses all: who answers both means the bad one. No proxy of the environment is used.
 */
export function openNetwork(parts: Partial<NetworkParts> = {}): Network {
  const { resolve, ports, publicToo, ca, idleMs } = { ...REAL, ...parts };
  const isPublic = (address: string): boolean => isPublicAddress(address) || publicToo.includes(address);
  const options = (accepts: (address: string) => boolean): AgentOptions & { readonly ca?: string } => ({
    keepAlive: true,
    maxFreeSockets: IDLE_CONNECTIONS,
    // Of a connection in use Node only says that it is over.
    timeout: idleMs,
    lookup: judgedLookup(resolve, accepts),
    // Node then asks for all addresses, so that all are judged.
    autoSelectFamily: true,
    autoSelectFamilyAttemptTimeout: ONE_ADDRESS_MS,
    ...(ca !== undefined && { ca }),
  });
  // Two judges that know nothing of each other: ours, and the agent's, which is kept up to date by others. Whatever the
  // environment says, certificates are checked.
  const outside = new RequestFilteringHttpsAgent({
    ...options(isPublic),
    rejectUnauthorized: true,
    allowIPAddressList: [...publicToo],
  });
  const local = {
    "http:": new HttpAgent(options(isLoopbackAddress)),
    "https:": new HttpsAgent({ ...options(isLoopbackAddress), rejectUnauthorized: true }),
  };
  return {
    ports,
    isPublic,
    agent: ({ url, isLocal }) => (isLocal ? local[url.protocol as keyof typeof local] : outside),
    close() {
      for (const agent of [outside, local["http:"], local["https:"]]) agent.destroy();
    },
  };
}

/** A name has an address that is not to be reached. */
export class AddressRefused extends Error {
  readonly code = "ADDRESS_REFUSED";
}

function judgedLookup(resolve: Resolve, accepts: (address: string) => boolean): LookupFunction {
  return (hostname, options, done) => {
    const { family, hints } = options;
    resolve(hostname, { all: true, family, hints }, (error, addresses) => {
      const first = error === null ? addresses[0] : undefined;
      if (first === undefined) done(error ?? new AddressRefused("no address"), []);
      else if (!addresses.every(({ address }) => accepts(address))) done(new AddressRefused("refused"), []);
      else if (options.all === true) done(null, addresses);
      else done(null, first.address, first.family);
    });
  };
}
