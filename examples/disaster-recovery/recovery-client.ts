import type { recover } from "./recovery.job.js";

export type Server = NonNullable<(typeof recover)["~types"]>["progress"]["servers"][number];

/** How long a minute of the service is: 60,000 ms, unless a demonstration is in a hurry. */
export const minuteMs = Number(process.env["MINUTE_MS"] ?? 60_000);

/** What the service notes of a server whose launch was stopped: nobody needs to be woken for what was asked for. */
export const STOPPED = "stopped";

/** The recovery service, as the account of an application sees it. */
export type RecoveryService = ReturnType<typeof recoveryService>;

/** What is asked of the recovery service. */
export function recoveryService(account = "recovery", url = process.env["RECOVERY_URL"] ?? "") {
  const call = async (method: string, path: string, body?: unknown): Promise<unknown> => {
    const response = await fetch(new URL(path, url), {
      method,
      headers: { "x-account": account },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (!response.ok) throw new Error(`The recovery service answered ${String(response.status)}.`);
    return response.json();
  };
  return {
    /** Asked again with the same token: the same launch. */
    launch: async (planId: string, token: string): Promise<string> =>
      ((await call("POST", "/launches", { planId, token })) as { jobId: string }).jobId,
    describe: async (jobId: string) =>
      (await call("GET", `/launches/${jobId}`)) as { servers: Server[]; expectedEndAt: number },
    stop: async (jobId: string): Promise<void> => {
      await call("DELETE", `/launches/${jobId}`);
    },
  };
}
