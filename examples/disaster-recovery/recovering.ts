import { tally } from "waybill";
import { recover } from "./recovery.job.js";
import { minuteMs, type RecoveryService, type Server, STOPPED } from "./recovery-client.js";

/** Launch, look, stop: whatever the kind has to do with the recovery service. */
export function recovering(service: RecoveryService, pollEveryMs = Math.round(minuteMs / 2)) {
  return recover.handle({
    // The key is the same at every attempt: the service knows a launch that it has accepted, whoever was killed meanwhile.
    run: async ({ input, key, track }) =>
      track({ drsJobId: await service.launch(input.planId, key("launch")) }),
    poll: async ({ ref, warn }) => {
      const { servers, expectedEndAt } = await service.describe(ref.drsJobId);
      const counted = tally(servers, ({ state }) => state, [
        "pending",
        "launched",
        "converting",
        "ready",
        "failed",
      ]);
      const startedAt = earliest(servers);
      const progress = { ...counted, startedAt, servers };
      const gone = servers.filter(({ state }) => state === "failed");
      for (const { id, note } of gone) if (note !== STOPPED) warn("server_failed", `${id} failed: ${note}`);
      if (counted.ready + counted.failed < counted.total) {
        const phase =
          counted.pending < counted.total && counted.converting + counted.ready > 0
            ? "converting"
            : "launching";
        return { state: "open", phase, progress, etaAt: new Date(expectedEndAt) };
      }
      if (gone.length === 0) return { state: "done", output: progress, progress };
      const names = gone.length === counted.total ? "" : `${gone.map(({ id }) => id).join(", ")}, `;
      const message = `${gone.length} of ${counted.total}: ${names}${gone[0]?.note ?? ""}`;
      const details = { startedAt, servers: gone.map(({ id }) => id) };
      return { state: "failed", message, expose: true, details, progress };
    },
    cancel: ({ ref }) => service.stop(ref.drsJobId),
    pollEveryMs,
  });
}

function earliest(servers: readonly Server[]): number | null {
  const launched = servers.flatMap(({ launchedAt }) => (launchedAt === null ? [] : [launchedAt]));
  return launched.length === 0 ? null : Math.min(...launched);
}
