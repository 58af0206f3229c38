import { notification } from "./notification.job.js";
import type { NotificationWaybill } from "./open-waybill.js";

/** A message, as the audit list shows it. */
export interface AuditRow {
  readonly message: string;
  readonly jobId: string;
  readonly status: string;
  /** Every status that it had, oldest first. */
  readonly trail: readonly string[];
  readonly outcomes: number;
}

/** What operators read: every message of a service with all that happened to it, a page at a time. */
export async function* auditList(
  waybill: Pick<NotificationWaybill, "list" | "history">,
  owner: string,
): AsyncGenerator<AuditRow> {
  let cursor: string | null = null;
  do {
    const page: Awaited<ReturnType<typeof waybill.list>> = await waybill.list({
      kind: notification.kind,
      owner,
      limit: 100,
      ...(cursor === null ? {} : { cursor }),
    });
    for (const { id, subject, status } of page.items) {
      const events = (await waybill.history(id))?.events ?? [];
      const outcomes = events.filter(({ type }) => type === "job.completed" || type === "job.failed").length;
      yield { message: subject ?? "", jobId: id, status, trail: trailOf(events), outcomes };
    }
    cursor = page.next;
  } while (cursor !== null);
}

/** A status once, however many entries stand under it. */
function trailOf(events: readonly { readonly status: string }[]): readonly string[] {
  return events.map(({ status }) => status).filter((status, index, all) => status !== all[index - 1]);
}
