import { webhookNotifier } from "waybill/webhook";

/** Whoever is on call hears of the first server that fails, while the others go on, and of a recovery that failed. */
export function openAlerts(url: string, secret: string) {
  return webhookNotifier({
    endpoint: { url, secrets: [secret] },
    on: ["job.warning", "job.failed"],
    body: "view",
    // The receiver of this example is on this machine. In your service leave this out: only public addresses are reached then.
    allowLocalReceivers: true,
  });
}
