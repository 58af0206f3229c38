import { createElement } from "react";
import { renderToStaticMarkup } from "react-dom/server";
import { expect, it } from "vitest";
import { openClient } from "../../src/client/create-client.js";
import { reviveView } from "../../src/client/revive.js";
import type { JobView } from "../../src/core/api/view.js";
import { createHooks } from "../../src/react.js";
import type { ingest } from "../types/sample-jobs.js";
import { FakeServer, loadHttpLink, viewOf } from "./client-server.js";

it("shows the end of one job as final, and of the newest about a subject as last seen: another may follow", () => {
  const { fetch, WebSocket, env } = new FakeServer();
  const client = openClient<typeof ingest>(
    { baseUrl: "http://server/jobs", fetch, WebSocket },
    env,
    loadHttpLink,
  );
  const { useJob, useLatestJob } = createHooks(client);
  const initial = reviveView<JobView<typeof ingest>>(
    viewOf({ id: "a", subject: "document:1", status: "FAILED" }),
  );
  const shown: unknown[] = [];
  const Page = (): null => {
    shown.push(useJob("document.ingest", "a", { initial }).state);
    shown.push(useLatestJob("document.ingest", "document:1", { initial }).state);
    return null;
  };
  renderToStaticMarkup(createElement(Page));
  expect(shown).toEqual(["final", "reconnecting"]);
});
