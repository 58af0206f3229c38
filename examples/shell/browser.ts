import type { createRoot } from "react-dom/client";

// What pages need of a browser, whose types the rest of the repository does without.

interface Upload {
  open(method: string, url: string): void;
  send(body: unknown): void;
  readonly status: number;
  readonly responseText: string;
  readonly upload: {
    onprogress: ((event: { readonly loaded: number; readonly total: number }) => void) | null;
  };
  onload: (() => void) | null;
  onerror: (() => void) | null;
}

/** A file that somebody chose. */
export interface ChosenFile {
  readonly name: string;
  readonly size: number;
}

export const { document, location, XMLHttpRequest } = globalThis as unknown as {
  readonly document: { title: string; getElementById(id: string): Parameters<typeof createRoot>[0] | null };
  readonly location: { readonly pathname: string; assign(path: string): void };
  readonly XMLHttpRequest: new () => Upload;
};
