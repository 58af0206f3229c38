// Nobody's webhook reaches the inside: every form in which an address can be written or hidden, and no connection is even tried.
import { Socket } from "node:net";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { sampleEvent } from "../../src/testing/notifier-suite/sample-event.js";
import type { Resolve } from "../../src/transports/webhook/network.js";
import { notifierOf, publishOne, resolver, SECRET } from "./webhook-bench.js";
import { type Receiver, startReceiver, status } from "./webhook-receiver.js";

/** A public address that is none: the one server of these tests that may be reached. */
const OUTSIDE = "127.0.0.9";

/** Every address to which a connection was tried, as Node is about to do it. */
const attempts: string[] = [];
const watched = new WeakSet<Socket>();
const { connect } = Socket.prototype;

let canary: Receiver;
let canaryTls: Receiver;

beforeAll(async () => {
  [canary, canaryTls] = await Promise.all([startReceiver(), startReceiver({ tls: true })]);
  vi.spyOn(Socket.prototype, "connect").mockImplementation(function (this: Socket, ...args: unknown[]) {
    if (!watched.has(this)) {
      watched.add(this);
      this.on("connectionAttempt", (address: string) => attempts.push(address));
    }
    return Reflect.apply(connect, this, args) as Socket;
  });
});

afterEach(() => {
  attempts.length = 0;
});

afterAll(async () => {
  vi.restoreAllMocks();
  await Promise.all([canary.close(), canaryTls.close()]);
});

/** Hosts in URLs. `[…]` stands for itself. */
const HOSTS = [
  // This machine, as every form of inet_aton has it.
  ...[
    "127.0.0.1",
    "127.1",
    "127.0.1",
    "0x7f.1",
    "0x7f000001",
    "0x7F.0x0.0x0.0x1",
    "2130706433",
    "017700000001",
  ],
  ...[
    "0177.0.0.1",
    "0177.1",
    "127.0.0.1.",
    "127.000.000.001",
    "127.0.0.2",
    "127.255.255.254",
    "00000177.0.0.1",
  ],
  ...["0.0.0.0", "0", "0x0", "00", "0.0.0.0.", "localhost", "LOCALHOST", "localhost.", "app.localhost"],
  // Full-width digits, circled ones, other full stops, escapes.
  ...["１２７.０.０.１", "①②⑦.⓪.⓪.①", "127。0。0。1", "127．0．0．1", "127｡0｡0｡1", "ⓛⓞⓒⓐⓛⓗⓞⓢⓣ"],
  ...["%31%32%37.0.0.1", "127%2e0%2e0%2e1", "loc\u00adalhost"],
  // Private and special networks.
  ...["10.0.0.1", "10.1", "0x0a000001", "167772161", "012.0.0.1", "172.16.0.1", "172.31.255.255"],
  ...[
    "192.168.0.1",
    "192.168.1",
    "0xc0a80001",
    "3232235521",
    "0300.0250.0.1",
    "100.64.0.1",
    "100.100.100.200",
  ],
  ...["192.0.0.192", "192.0.2.1", "192.88.99.1", "198.18.0.1", "198.51.100.1", "203.0.113.1"],
  ...["224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255", "0xffffffff", "4294967295"],
  // Metadata services.
  ...["169.254.169.254", "169.254.43518", "0xa9fea9fe", "2852039166", "0251.0376.0251.0376", "169.254.170.2"],
  ...["[fd00:ec2::254]", "[::ffff:169.254.169.254]", "[::a9fe:a9fe]"],
  // IPv6: this machine, mapped, compatible, translated, tunnels.
  ...["[::1]", "[0:0:0:0:0:0:0:1]", "[0000::0001]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]"],
  ...["[::FFFF:127.0.0.1]", "[0:0:0:0:0:ffff:127.0.0.1]", "[::ffff:10.0.0.1]", "[::ffff:0:127.0.0.1]"],
  ...["[::127.0.0.1]", "[::7f00:1]", "[::8.8.8.8]", "[64:ff9b::127.0.0.1]", "[64:ff9b::a9fe:a9fe]"],
  ...["[64:ff9b::8.8.8.8]", "[64:ff9b:1::7f00:1]", "[2002:7f00:1::]", "[2002:a9fe:a9fe::1]", "[2001::1]"],
  ...["[2001:0:7f00:1::]", "[2001:db8::1]", "[2001:10::1]", "[3fff::1]", "[100::1]", "[5f00::1]"],
  ...["[fe80::1]", "[febf::1]", "[fec0::1]", "[fc00::1]", "[fd12:3456::1]", "[ff02::1]", "[ff05::1:3]"],
  ...["[4000::1]", "[8000::1]", "[fe80::1%25lo]", "[::1%25lo]", "[::1%lo]"],
];

/** Whole URLs whose parts may be read in two ways, and other protocols. `PORT` is the canary's. */
const URLS = [
  ...["http://hooks.test:PORT/", "http://127.0.0.1:PORT/", "ftp://127.0.0.1:PORT/", "file:///etc/passwd"],
  ...["gopher://127.0.0.1:PORT/_", "ws://127.0.0.1:PORT/", "wss://127.0.0.1:PORT/", "data:text/plain,x"],
  ...["javascript:1", "unix:/var/run/docker.sock", "//127.0.0.1:PORT/", "127.0.0.1:PORT", "", "https://"],
  ...[
    "https:127.0.0.1:PORT",
    "https:/127.0.0.1:PORT/",
    "https:\\\\127.0.0.1:PORT\\",
    "https:///127.0.0.1:PORT",
  ],
  ...[
    "https://8.8.8.8@127.0.0.1:PORT/",
    "https://127.0.0.1:PORT@127.0.0.1:PORT/",
    "https://user@127.0.0.1:PORT/",
  ],
  ...[
    "https://127.0.0.1:PORT#@8.8.8.8/",
    "https://127.0.0.1:PORT?@8.8.8.8/",
    "https://127.0.0.1:PORT\\@8.8.8.8/",
  ],
  ...[
    "https://127.0.0.1\t:PORT/",
    "ht\ntps://127.0.0.1:PORT/",
    " https://127.0.0.1:PORT/ ",
    "HTTPS://127.0.0.1:PORT/",
  ],
  ...[
    "https://hooks.test:22/",
    "https://hooks.test:80/",
    "https://hooks.test:0/",
    "https://hooks.test:6379/",
  ],
  ...["https://[::1]:PORT@[::1]:PORT/", "https://[::ffff:127.0.0.1]:PORT/", "https://127.0.0.1:0PORT/"],
];

/** What the names of a bad or rebound zone may lead to. */
const ANSWERS: readonly (readonly string[])[] = [
  ...["127.0.0.1", "127.0.0.53", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254"],
  ...["100.64.0.1", "198.18.0.1", "224.0.0.1", "255.255.255.255", "::1", "::", "::ffff:127.0.0.1"],
  ...["::ffff:7f00:1", "::127.0.0.1", "::7f00:1", "::a9fe:a9fe", "64:ff9b::7f00:1", "64:ff9b::8.8.8.8"],
  ...[
    "2002:7f00:1::1",
    "2001::7f00:1",
    "fe80::1",
    "fe80::1%lo",
    "::1%lo",
    "fc00::1",
    "ff02::1",
    "2001:db8::1",
  ],
  ...["", "localhost", "127.1", "not an address"],
]
  .map((address): readonly string[] => [address])
  .concat([
    [OUTSIDE, "127.0.0.1"],
    ["127.0.0.1", OUTSIDE],
    [OUTSIDE, "::1"],
    [OUTSIDE, "::127.0.0.1"],
    ["::127.0.0.1", OUTSIDE],
    [OUTSIDE, "64:ff9b::a9fe:a9fe"],
    [OUTSIDE, OUTSIDE, OUTSIDE, "169.254.169.254"],
    [OUTSIDE, "fe80::1%lo"],
    [],
  ]);

/** Says how one delivery went to a URL, on a network with these names. */
async function deliverTo(url: string, addresses: readonly string[], allowLocalReceivers = false) {
  const notifier = notifierOf({
    options: { endpoint: () => ({ url, secrets: [SECRET] }), allowLocalReceivers, timeoutMs: 5_000 },
    ports: [canary.port, canaryTls.port],
    publicToo: [OUTSIDE],
    resolve: (_name, _options, done) => {
      done(
        null,
        addresses.map((address) => ({ address, family: address.includes(":") ? 6 : 4 })),
      );
    },
  });
  try {
    return await publishOne(notifier, sampleEvent("job-a", 1));
  } finally {
    await notifier.close?.();
  }
}

function expectNothingReached(): void {
  expect(attempts).toEqual([]);
  expect([canary.connections(), canaryTls.connections()]).toEqual([0, 0]);
}

describe("no connection is tried", () => {
  it("in any of at least 120 forms", () => {
    expect(new Set([...HOSTS, ...URLS, ...ANSWERS.map(String)]).size).toBeGreaterThanOrEqual(120 + 40);
  });

  it.each(HOSTS)("to the host %s", async (host) => {
    for (const { port } of [canary, canaryTls]) {
      // Names lead inside too.
      expect(await deliverTo(`https://${host}:${port}/`, ["127.0.0.1"])).toMatchObject({ status: "retry" });
    }
    expectNothingReached();
  });

  it.each(URLS)("to %j", async (url) => {
    const result = await deliverTo(url.replaceAll("PORT", String(canaryTls.port)), ["127.0.0.1"]);
    expect(result).toMatchObject({ status: "retry" });
    expectNothingReached();
  });

  it.each(ANSWERS.map((addresses) => ({ addresses })))(
    "where a name has $addresses",
    async ({ addresses }) => {
      const result = await deliverTo(`https://hooks.test:${canaryTls.port}/`, addresses);
      expect(result).toEqual({ status: "retry", reason: "the endpoint has an address that is not public" });
      expectNothingReached();
    },
  );

  it.each([
    "10.0.0.1",
    "169.254.169.254",
    "0.0.0.0",
    OUTSIDE.replace("127", "128"),
    "::127.0.0.1",
    "fe80::1",
  ])("by a local receiver's name that leads to %s", async (address) => {
    for (const scheme of ["http", "https"]) {
      const result = await deliverTo(
        `${scheme}://app.localhost:${canary.port}/`,
        [address, "127.0.0.1"],
        true,
      );
      expect(result).toMatchObject({ reason: "the endpoint has an address that is not public" });
    }
    expectNothingReached();
  });
});

describe("a server that may be reached", () => {
  /** Listens where `OUTSIDE` is: on all of this machine's addresses, and tells the canary's connections apart by address. */
  async function outsideOn(resolve: Resolve) {
    const receiver = await startReceiver({ tls: true });
    const notifier = notifierOf({
      options: { endpoint: { url: `https://hooks.test:${receiver.port}/`, secrets: [SECRET] } },
      ports: [receiver.port],
      publicToo: ["127.0.0.1"],
      resolve,
    });
    return {
      receiver,
      publish: () => publishOne(notifier, sampleEvent("job-a", 1)),
      close: async () => {
        await notifier.close?.();
        await receiver.close();
      },
    };
  }

  it("is reached, and seen to be: the watch works", async () => {
    const { publish, close } = await outsideOn(resolver({ "hooks.test": ["127.0.0.1"] }));
    expect(await publish()).toEqual({ status: "delivered" });
    expect(attempts).toEqual(["127.0.0.1"]);
    await close();
  });

  it("is asked for once in each connection, so that no second answer can differ from the judged one", async () => {
    let asked = 0;
    const answers = [["127.0.0.1"], ["10.0.0.1"], ["127.0.0.1", "10.0.0.1"], ["127.0.0.1"]];
    const { receiver, publish, close } = await outsideOn((_name, _options, done) => {
      done(
        null,
        (answers[asked++] ?? []).map((address) => ({ address, family: 4 })),
      );
    });
    receiver.answer(null, status(204, { connection: "close" }));
    expect(await publish()).toEqual({ status: "delivered" });
    expect(asked).toBe(1);
    // The name leads inside now: what was judged before says nothing.
    expect(await publish()).toMatchObject({ reason: "the endpoint has an address that is not public" });
    expect(await publish()).toMatchObject({ reason: "the endpoint has an address that is not public" });
    expect(await publish()).toEqual({ status: "delivered" });
    expect([asked, attempts]).toEqual([4, ["127.0.0.1", "127.0.0.1"]]);
    await close();
  });

  it("keeps its judged connection while its name leads elsewhere", async () => {
    const names: { "hooks.test": string[] } = { "hooks.test": ["127.0.0.1"] };
    const { receiver, publish, close } = await outsideOn((name, options, done) => {
      resolver(names)(name, options, done);
    });
    expect(await publish()).toEqual({ status: "delivered" });
    names["hooks.test"] = ["10.0.0.1"];
    expect(await publish()).toEqual({ status: "delivered" });
    expect([receiver.connections(), attempts]).toEqual([1, ["127.0.0.1"]]);
    await close();
  });

  it.each([301, 302, 303, 307, 308])("redirects with %i, and nobody follows", async (code) => {
    const { receiver, publish, close } = await outsideOn(resolver({ "hooks.test": ["127.0.0.1"] }));
    receiver.answer(null, status(code, { location: `http://127.0.0.1:${canary.port}/` }));
    expect(await publish()).toEqual({ status: "retry", reason: `the endpoint answered ${code}, a redirect` });
    expect([canary.connections(), attempts.length]).toEqual([0, 1]);
    await close();
  });

  it("is not asked through a proxy of the environment", async () => {
    const proxy = `http://127.0.0.1:${canary.port}`;
    for (const name of ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"]) {
      vi.stubEnv(name, proxy);
    }
    vi.stubEnv("NODE_USE_ENV_PROXY", "1");
    const { publish, close } = await outsideOn(resolver({ "hooks.test": ["127.0.0.1"] }));
    expect(await publish()).toEqual({ status: "delivered" });
    expect(canary.connections()).toBe(0);
    vi.unstubAllEnvs();
    await close();
  });

  it("must have a certificate of its name, whatever the environment says", async () => {
    vi.stubEnv("NODE_TLS_REJECT_UNAUTHORIZED", "0");
    const receiver = await startReceiver({ tls: true });
    for (const [host, ca, code] of [
      ["other.test", undefined, "DEPTH_ZERO_SELF_SIGNED_CERT"],
      ["hooks.test.", undefined, "DEPTH_ZERO_SELF_SIGNED_CERT"],
      ["other.test", "the tests'", "ERR_TLS_CERT_ALTNAME_INVALID"],
    ] as const) {
      const notifier = notifierOf({
        options: { endpoint: { url: `https://${host}:${receiver.port}/`, secrets: [SECRET] } },
        ports: [receiver.port],
        publicToo: ["127.0.0.1"],
        resolve: resolver({ [host]: ["127.0.0.1"] }),
        ...(ca === undefined && { ca }),
      });
      expect(await publishOne(notifier, sampleEvent("job-a", 1))).toEqual({
        status: "retry",
        reason: `no answer: ${code}`,
      });
      await notifier.close?.();
    }
    expect(receiver.received).toEqual([]);
    vi.unstubAllEnvs();
    await receiver.close();
  });
});
