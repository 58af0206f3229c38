import { PermanentError } from "waybill";
import { CapacityError, type FakeEc2 } from "./fake-ec2.js";
import { ACTIONS, serverAction, type Action } from "./server-action.job.js";

type Routine = (ec2: FakeEc2, instanceId: string) => Promise<boolean>;

/** What each write does. A new action is a line here and a word in `ACTIONS`. */
export const ROUTINES: Readonly<Record<Action, Routine>> = {
  start: (ec2, instanceId) => ec2.start(instanceId),
  stop: (ec2, instanceId) => ec2.stop(instanceId),
  reboot: (ec2, instanceId) => ec2.reboot(instanceId),
};

/** Where an action goes: a write to the queue, a read to its answer, anything else to nobody. */
export function routeOf(action: string): "write" | "read" | "unknown" {
  if ((ACTIONS as readonly string[]).includes(action)) return "write";
  return action === "describe" ? "read" : "unknown";
}

/**
 * The work. Text reaches people only where it is meant for them: that there is no capacity is, that something of ours is
 * undefined is not. The job then ends with the kind's own message, and the stack is in the log.
 */
export function actOn(ec2: FakeEc2) {
  return serverAction.handle(async ({ input }) => {
    const done = await ROUTINES[input.action](ec2, input.instanceId).catch((error: unknown) => {
      if (error instanceof CapacityError)
        throw new PermanentError(error.message, { expose: true, cause: error });
      throw error;
    });
    if (!done) throw new PermanentError(`Failed to complete ${input.action}`, { expose: true });
    return null;
  });
}
