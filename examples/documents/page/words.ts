// The vocabularies, without a schema beside them, so that the page may load them too.

export const DOCUMENT_LABELS = {
  pending: "Pending",
  processing: "Processing",
  ready: "Ready",
  failed: "Failed",
} as const;

export const WORKSPACE_LABELS = {
  provisioning: "Provisioning",
  ready: "Ready",
  error: "Error",
} as const;

/** The phases of a document, in order. */
export const STEPS = {
  parsing: "Parsing",
  chunking: "Chunking",
  embedding: "Embedding",
  indexing: "Indexing",
} as const;

/** What each kind is called outside: `document.status.updated` on the broker, `document_status` on the page. */
export const NAMES = {
  "document.process": "document",
  "workspace.provision": "workspace",
} as const;
