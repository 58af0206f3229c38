import { appsyncNotifier, type AppSyncNotifier } from "waybill/appsync";
import type { ActionMetadata } from "./server-action.job.js";

/** Tells the page of every step: six fields that it knows, and job and version to put them in order by. */
export function openAppSync(endpoint: string, apiKey: string): AppSyncNotifier {
  return appsyncNotifier({
    endpoint,
    auth: { mode: "apiKey", apiKey },
    fields: "extended",
    // A healthy push takes a fraction of that; whoever hangs longer is asked again.
    timeoutMs: 3_000,
    action: ({ metadata }) => metadataOf(metadata).action,
    userEmail: ({ metadata }) => metadataOf(metadata).userEmail,
  });
}

/**
 * Says that a message could not be read. There is no job whose history could hold it, so it is told once and as well as can
 * be: ids are unknown, and so is the address unless the message still has one that can be read.
 */
export async function tellUnreadable(ui: AppSyncNotifier, body: string, reason: string): Promise<void> {
  await ui.send({
    id: "unknown",
    action: "unknown",
    status: "FAILED",
    message: `Error processing message: ${reason}`,
    userEmail: emailIn(body),
  });
}

function emailIn(body: string): string | null {
  return /"userEmail"\s*:\s*"([^"\s@]{1,64}@[^"\s@]{1,190})"/.exec(body)?.[1] ?? null;
}

/** Written by `submit` in resolver.ts, and by nobody else. */
function metadataOf(metadata: unknown): ActionMetadata {
  return metadata as ActionMetadata;
}
