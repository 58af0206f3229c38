// A client that knows nothing of Waybill hears what Waybill tells: `aws-amplify` 6, unchanged, on this machine's AppSync, which
// is a double. Amplify knows secure sockets only, and the double has no certificate: addresses begin with `ws:` instead.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Amplify } from "aws-amplify";
import { events, generateClient } from "aws-amplify/api";
import { createWaybill, defineJob, memoryStore } from "waybill";
import { appsyncEventsNotifier, appsyncNotifier } from "waybill/appsync";
import { WebSocket } from "ws";
import { z } from "zod";
import { DOUBLE_KEYS, startAppSync } from "./appsync.mjs";

globalThis.WebSocket = class extends WebSocket {
  constructor(url, protocols) {
    super(String(url).replace(/^wss:/, "ws:"), protocols);
  }
};

const ANA = "ana@example.com";
/** As a user pool or a Lambda authoriser has one; whom it names is the double's to know. */
const TOKEN = "token.of.ana";
const SUBJECT = "i-0123456789abcdef0";
const MESSAGE = "Größe 文書 \u{1F4E6} \u2028 end";

const start = defineJob({
  kind: "server.start",
  input: z.object({ instance: z.string() }),
  subject: ({ instance }) => instance,
  messages: { COMPLETED: () => MESSAGE },
});

const ON_JOB_UPDATE = /* GraphQL */ `
  subscription OnJobUpdate($userEmail: String) {
    onJobUpdate(userEmail: $userEmail) {
      id
      action
      status
      timestamp
      message
      userEmail
      jobId
      version
    }
  }
`;

async function until(look) {
  while (!look()) await new Promise((resolve) => setTimeout(resolve, 20));
}

describe("aws-amplify hears", () => {
  let appsync;
  let waybill;
  let stop;
  let working;
  const subscribed = [];

  before(async () => {
    appsync = await startAppSync({ tokens: { [TOKEN]: { sub: "ana", email: ANA, email_verified: true } } });
    const { apiKey } = DOUBLE_KEYS;
    Amplify.configure({
      API: {
        GraphQL: { endpoint: appsync.url, region: "eu-west-1", defaultAuthMode: "apiKey", apiKey },
        Events: { endpoint: appsync.eventsUrl, region: "eu-west-1", defaultAuthMode: "apiKey", apiKey },
      },
    });
    const auth = { mode: "apiKey", apiKey };
    waybill = createWaybill({
      jobs: [start],
      store: memoryStore(),
      notifiers: {
        ui: appsyncNotifier({
          endpoint: appsync.url,
          auth,
          fields: "extended",
          action: ({ metadata }) => metadata.action,
          userEmail: ({ metadata }) => metadata.userEmail,
        }),
        events: appsyncEventsNotifier({ endpoint: appsync.eventsUrl, auth, namespace: "jobs" }),
      },
    });
    stop = new AbortController();
    working = waybill.worker([start.handle(() => null)]).run({ signal: stop.signal });
  });

  after(async () => {
    for (const each of subscribed) each();
    stop.abort();
    await working;
    await waybill.close();
    await appsync.close();
  });

  const submit = (owner) => {
    const metadata = { action: "start", userEmail: `${owner}@example.com` };
    return waybill.submit(start, { instance: SUBJECT }, { owner, metadata }).unwrap();
  };

  const LIMIT = { timeout: 60_000 };

  it("the GraphQL API's updates of its own jobs, whole and in order", LIMIT, async () => {
    const heard = [];
    const subscription = generateClient()
      .graphql({ query: ON_JOB_UPDATE, variables: { userEmail: ANA }, authMode: "lambda", authToken: TOKEN })
      .subscribe({ next: ({ data }) => heard.push(data.onJobUpdate), error: (error) => heard.push(error) });
    subscribed.push(() => subscription.unsubscribe());
    // AppSync replays nothing, and Amplify does not say when it listens: jobs follow until one is heard.
    while (heard.length === 0) {
      await submit("ana");
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    await submit("ben");
    const { id } = await submit("ana");
    const own = () => heard.filter(({ jobId }) => jobId === id);
    await until(() => own().at(-1)?.status === "COMPLETED");
    assert.deepEqual(
      own().map(({ status }) => status),
      ["QUEUED", "PROCESSING", "COMPLETED"],
    );
    const { timestamp, version, ...last } = own().at(-1);
    assert.deepEqual(last, {
      id: SUBJECT,
      action: "start",
      status: "COMPLETED",
      message: MESSAGE,
      userEmail: ANA,
      jobId: id,
    });
    assert.equal(Number.isInteger(timestamp), true);
    assert.deepEqual(
      own().map((update) => update.version),
      own()
        .map((update) => update.version)
        .sort((a, b) => a - b),
    );
    assert.equal(version, own().at(-1).version);
    assert.deepEqual(new Set(heard.map(({ userEmail }) => userEmail)), new Set([ANA]));
  });

  it("the Events API's channel of an owner", LIMIT, async () => {
    const heard = [];
    const channel = await events.connect("/jobs/owner/carl");
    subscribed.push(() => channel.close());
    channel.subscribe({
      next: (data) => heard.push(data.event ?? data),
      error: (error) => heard.push(error),
    });
    while (heard.length === 0) {
      await submit("carl");
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    await submit("ben");
    const { id } = await submit("carl");
    const own = () => heard.filter(({ jobId }) => jobId === id);
    await until(() => own().at(-1)?.type === "job.completed");
    assert.deepEqual(
      own().map(({ type }) => type),
      ["job.created", "job.queued", "job.started", "job.completed"],
    );
    assert.equal(own().at(-1).message, MESSAGE);
    assert.deepEqual(new Set(heard.map(({ owner }) => owner)), new Set(["carl"]));
  });
});
