import { RetryError, type Worker } from "waybill";
import { notification } from "./notification.job.js";
import type { NotificationWaybill } from "./open-waybill.js";

/** Delivers. The receiver knows the key at every attempt, so that a repeat is none for it. */
export function workerOf(waybill: NotificationWaybill, receiverUrl: string, concurrency = 2): Worker {
  const deliver = notification.handle(async ({ input, key, signal }) => {
    const response = await fetch(receiverUrl, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        "idempotency-key": key("deliver"),
        "x-message": input.id,
      },
      body: JSON.stringify({ text: input.text }),
      signal,
    });
    if (!response.ok) throw new RetryError(`The receiver answered ${String(response.status)}`);
    return { receipt: ((await response.json()) as { readonly receipt: string }).receipt };
  });
  return waybill.worker([deliver], { concurrency, name: "worker" });
}
