// Amplify's own simulator of AppSync runs our schema and takes our mutation. It knows templates in Velocity only, so the two
// resolvers, which are JavaScript, stand here as templates: what they do is not tried by it.
import assert from "node:assert/strict";
import { after, before, it } from "node:test";
import simulator from "@aws-amplify/amplify-appsync-simulator";
import { createWaybill, defineJob, memoryStore } from "waybill";
import { appsyncNotifier, appsyncSchema } from "waybill/appsync";
import { z } from "zod";

const API_KEY = "da2-key-of-the-simulator";
const ARGUMENTS = '{ "version": "2018-05-29", "payload": $util.toJson($ctx.args) }';
const RESULT = "$util.toJson($ctx.result)";

const start = defineJob({
  kind: "server.start",
  input: z.object({ instance: z.string() }),
  subject: ({ instance }) => instance,
});

let api;
let waybill;
let stop;
let working;

before(async () => {
  // Ours is a part of a schema; a whole one has a query.
  const schema = `${appsyncSchema({ publisher: "apiKey", subscriber: "apiKey" })}\ntype Query { none: String }\n`;
  api = new simulator.AmplifyAppSyncSimulator({ port: 0 });
  api.init({
    schema: { content: schema },
    appSync: {
      name: "jobs",
      defaultAuthenticationType: { authenticationType: "API_KEY" },
      apiKey: API_KEY,
      additionalAuthenticationProviders: [],
    },
    dataSources: [{ type: "NONE", name: "None" }],
    resolvers: [
      {
        kind: "UNIT",
        typeName: "Mutation",
        fieldName: "publishJobUpdate",
        dataSourceName: "None",
        requestMappingTemplate: ARGUMENTS,
        responseMappingTemplate: RESULT,
      },
    ],
    mappingTemplates: [],
    functions: [],
    tables: [],
  });
  await api.start();
});

after(async () => {
  stop.abort();
  await working;
  await waybill.close();
  await api.stop();
});

it(
  "every update of a job is taken by the mutation, and told to its subscription",
  { timeout: 60_000 },
  async () => {
    const attempts = [];
    const told = [];
    await api.pubsub.subscribe("onJobUpdate", (update) => told.push(update));
    waybill = createWaybill({
      jobs: [start],
      store: memoryStore(),
      notifiers: {
        ui: appsyncNotifier({
          endpoint: `${api.localhostUrl}/graphql`,
          auth: { mode: "apiKey", apiKey: API_KEY },
          fields: "extended",
          action: () => "start",
          userEmail: () => "ana@example.com",
        }),
      },
      onPublish: (attempt) => void attempts.push(attempt),
    });
    stop = new AbortController();
    working = waybill.worker([start.handle(() => null)]).run({ signal: stop.signal });
    const { id } = await waybill.submit(start, { instance: "i-0123456789abcdef0" }).unwrap();
    while (attempts.filter(({ outcome }) => outcome === "delivered").length < 3) {
      assert.deepEqual(
        attempts.filter(({ outcome }) => outcome !== "delivered"),
        [],
      );
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    while (told.length < 3) await new Promise((resolve) => setTimeout(resolve, 20));
    assert.deepEqual(
      told.map(({ jobId, status, userEmail }) => [jobId, status, userEmail]),
      ["QUEUED", "PROCESSING", "COMPLETED"].map((status) => [id, status, "ana@example.com"]),
    );
  },
);

it("a wrong key is an answer that is tried again", { timeout: 60_000 }, async () => {
  const wrong = appsyncNotifier({
    endpoint: `${api.localhostUrl}/graphql`,
    auth: { mode: "apiKey", apiKey: "da2-wrong" },
    action: () => "start",
    userEmail: () => "ana@example.com",
  });
  const event = {
    id: "j:1",
    jobId: "j",
    version: 1,
    kind: "server.start",
    type: "job.queued",
    status: "QUEUED",
  };
  const rest = {
    word: "QUEUED",
    message: "Queued.",
    at: new Date(0),
    subject: "i-01",
    metadata: {},
    shown: {},
  };
  const [result] = await wrong.publish([{ ...event, ...rest }], {
    signal: new AbortController().signal,
    view: async () => null,
  });
  assert.equal(result.status, "retry");
});
