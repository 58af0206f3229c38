// The documents' two vocabularies: a word of the one is no word of the other.
import type { ReactElement } from "react";
import { expectTypeOf } from "vitest";
import type { JobView } from "../../src/core/api/view.js";
import type { Client } from "../../src/client.js";
import { StatusBadge } from "../../src/react.js";
import type { ingest, provision } from "../../examples/documents/documents.jobs.js";
import type { openWaybill } from "../../examples/documents/open-waybill.js";
import { statusColumn } from "../../examples/documents/status-column.js";
import { DOCUMENT_LABELS, WORKSPACE_LABELS } from "../../examples/documents/page/words.js";

declare const document: JobView<typeof ingest>;
declare const workspace: JobView<typeof provision>;
declare const client: Client<typeof ingest | typeof provision>;
declare const waybill: ReturnType<typeof openWaybill>["waybill"];

expectTypeOf(document.word).toEqualTypeOf<"pending" | "processing" | "ready" | "failed">();
expectTypeOf(workspace.word).toEqualTypeOf<"provisioning" | "ready" | "error">();

export function Badges(): ReactElement {
  return (
    <>
      <StatusBadge status={document.word} labels={DOCUMENT_LABELS} />
      <StatusBadge status={workspace.word} labels={WORKSPACE_LABELS} />
      {/* @ts-expect-error -- the labels of the other vocabulary */}
      <StatusBadge status={document.word} labels={WORKSPACE_LABELS} />
    </>
  );
}

// @ts-expect-error -- a word of workspaces
export const isOver = document.word === "error";
// Only a document that is ready has an output.
expectTypeOf<Extract<typeof document, { status: "PROCESSING" }>>().not.toHaveProperty("output");

// @ts-expect-error -- a word of documents
void waybill.list({ kind: "workspace.provision", word: "failed" });
void waybill.list({ kind: "document.process", word: "failed" });

declare const ingestDef: typeof ingest;
declare const provisionDef: typeof provision;
// @ts-expect-error -- workspaces are handed over by a queue: nobody claims them
void waybill.claim(provisionDef, "id");
void waybill.claim(ingestDef, "id").then((claimed) => {
  if (!claimed.ok) return;
  // Whether a document is ready is not the ingest worker's to say.
  expectTypeOf(claimed.value).not.toHaveProperty("complete");
  // @ts-expect-error -- no phase of this kind
  claimed.value.phase("uploading");
});

// @ts-expect-error -- not a kind of this client
void client.job("document.ingest", "id");

expectTypeOf(statusColumn).returns.toHaveProperty("kinds");
