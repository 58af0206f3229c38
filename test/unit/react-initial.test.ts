import { createElement } from "react";
import { renderToString } from "react-dom/server";
import { expect, it } from "vitest";
import type { Client } from "../../src/client/api.js";
import { ClientError } from "../../src/client/client-error.js";
import { openClient } from "../../src/client/create-client.js";
import { viewFromJson } from "../../src/core/api/view.js";
import { createHooks } from "../../src/react.js";
import { ingest } from "../types/sample-jobs.js";
import { FakeServer, loadHttpLink, viewOf } from "./client-server.js";

const { fetch, WebSocket, env } = new FakeServer();
const client: Client<typeof ingest> = openClient<typeof ingest>(
  { baseUrl: "http://server/jobs", fetch, WebSocket },
  env,
  loadHttpLink,
);
const hooks = createHooks(client);
const initial = viewFromJson(ingest, viewOf({ id: "a", subject: "document:1", status: "QUEUED" }) as never);

/** What a hook gives at the first rendering. */
function first<T>(use: () => T): T {
  const given: T[] = [];
  renderToString(
    createElement(() => {
      given.push(use());
      return null;
    }),
  );
  return given[0]!;
}

it("shows what the server rendered of the job that is asked for", () => {
  const seen = [
    first(() => hooks.useJob(ingest, "a", { initial })),
    first(() => hooks.useLatestJob(ingest, "document:1", { initial })),
  ];
  for (const shown of seen) expect(shown).toMatchObject({ state: "reconnecting", job: { id: "a" } });
});

it("shows nothing of another job, nor where none is asked for", () => {
  const seen = [
    first(() => hooks.useJob(ingest, "b", { initial })),
    first(() => hooks.useJob(ingest, null, { initial })),
    first(() => hooks.useLatestJob(ingest, "document:2", { initial })),
    first(() => hooks.useLatestJob(ingest, null, { initial })),
  ];
  for (const shown of seen) expect(shown).toEqual({ state: "loading", job: null });
});

it("rejects, and throws nothing at whoever submits, over an input that is no JSON", async () => {
  const { submit } = first(() => hooks.useSubmit(ingest));
  const circular: Record<string, unknown> = {};
  circular["self"] = circular;
  const error: unknown = await submit(circular as never).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(ClientError);
  expect(error).toMatchObject({ code: "config.invalid", outcome: "not_applied" });
});
