import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { ServerEvent } from "../../src/core/job/event.js";
import type { PublicView } from "../../src/core/view/public-view.js";
import { encodeCloudEvent } from "../../src/core/wire/rabbitmq-cloudevents.js";
import { encodeFlat } from "../../src/core/wire/rabbitmq-flat.js";

const at = new Date("2026-03-01T09:30:07.250Z");

const event: ServerEvent = {
  id: "01-doc:4",
  type: "job.failed",
  jobId: "01-doc",
  kind: "document.process",
  version: 4,
  from: "PROCESSING",
  status: "FAILED",
  word: "failed",
  message: "The file is not a PDF",
  at,
  attempt: 1,
  owner: "ana",
  subject: "document:d-8",
  metadata: { secret: "of the application" },
  actor: "somebody",
  shown: {},
  trace: { traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01" },
  phase: null,
  reason: "error",
  failureReason: "error",
};

const view: PublicView = {
  id: "01-doc",
  kind: "document.process",
  status: "FAILED",
  word: "failed",
  version: 4,
  owner: "ana",
  subject: "document:d-8",
  message: "The file is not a PDF",
  attempt: 1,
  createdAt: "2026-03-01T09:30:00.000Z",
  queuedAt: "2026-03-01T09:30:00.010Z",
  startedAt: "2026-03-01T09:30:01.000Z",
  finishedAt: "2026-03-01T09:30:07.250Z",
  updatedAt: "2026-03-01T09:30:07.250Z",
  durationMs: 6_250,
  cancelRequestedAt: null,
  origin: null,
  progress: { pages: 3, total: 12 },
};

const workspace: ServerEvent = {
  ...event,
  id: "01-ws:3",
  type: "job.started",
  jobId: "01-ws",
  kind: "workspace.provision",
  version: 3,
  from: "QUEUED",
  status: "PROCESSING",
  word: "provisioning",
  message: "Provisioning",
  owner: "ben",
  subject: "workspace:w-2",
  reason: null,
  failureReason: null,
};

function golden(name: string): string {
  return readFileSync(new URL(`../golden/rabbitmq/${name}`, import.meta.url), "utf8").trimEnd();
}

const idOf = (subject: string | null): string | null => subject?.split(":")[1] ?? null;

describe("the flat body", () => {
  it("is document.status.updated, byte for byte", () => {
    const fields = { document_id: idOf(event.subject) };
    expect(encodeFlat(event, view, fields)).toBe(golden("document.status.updated.golden"));
  });

  it("is workspace.status.updated, byte for byte, for a job that is gone since", () => {
    const fields = { workspace_id: idOf(workspace.subject), status_message: workspace.message };
    expect(encodeFlat(workspace, null, fields)).toBe(golden("workspace.status.updated.golden"));
  });

  it("keeps the event's identity, whatever the application's fields are called", () => {
    const body = encodeFlat(event, view, { job_id: "another", version: 99, error: "hidden" });
    expect(JSON.parse(body)).toMatchObject({ job_id: "01-doc", version: 4, error: "hidden" });
  });
});

describe("the CloudEvent", () => {
  it("is as the golden file has it, byte for byte", () => {
    expect(encodeCloudEvent(event)).toBe(golden("cloudevent.golden"));
  });
});

describe("every body", () => {
  it("leaves out what stays inside", () => {
    for (const body of [encodeCloudEvent(event), encodeFlat(event, view, {})])
      for (const inside of ["of the application", "somebody", "0af7651916cd43dd"])
        expect(body).not.toContain(inside);
  });
});
