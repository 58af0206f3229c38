import { randomUUID } from "node:crypto";
import { type Contestant, handle, type Payload } from "../lib/contestant.js";
import { createNap } from "../lib/nap.js";

const IDLE_MS = 1;

/** The least that keeps a job in a process through a claim to its output: text in a map, and a list of what is ready. */
export async function open(): Promise<Contestant> {
  const inputs = new Map<string, string>();
  const outputs = new Map<string, string>();
  let ready: string[] = [];
  const idle = createNap(IDLE_MS);

  const add = (payload: Payload): void => {
    const id = randomUUID();
    inputs.set(id, JSON.stringify(payload));
    ready.push(id);
    idle.end();
  };

  return {
    prepare: async () => undefined,
    submit: async (payload) => {
      add(payload);
      // A caller of any store is answered in a later turn.
      await new Promise((resolve) => setImmediate(resolve));
    },
    load: async (payloads) => {
      payloads.forEach(add);
    },
    work: async ({ concurrency }, recorded) => {
      let stopped = false;
      const finish = async (id: string): Promise<void> => {
        outputs.set(id, JSON.stringify(await handle(JSON.parse(inputs.get(id) ?? "null") as Payload)));
      };
      const run = async (): Promise<void> => {
        while (!stopped) {
          const taken = ready.slice(0, concurrency);
          ready = ready.slice(concurrency);
          await Promise.all(taken.map(finish));
          if (taken.length > 0) recorded(taken.length);
          if (ready.length > 0) await new Promise((resolve) => setImmediate(resolve));
          else await idle.take();
        }
      };
      const running = run();
      return {
        stop: async () => {
          stopped = true;
          await running;
        },
      };
    },
    done: async () => outputs.size,
    close: async () => undefined,
  };
}
