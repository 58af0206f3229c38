import type { PublicView } from "../core/view/public-view.js";
import { AsyncResult, err, ok } from "../core/errors/result.js";
import { ClientError, invalid, type RefusalCode } from "./client-error.js";
import type { Environment } from "./environment.js";
import { type Http, isRefusal } from "./http.js";
import { reviveView } from "./revive.js";

/** What is asked for. */
interface Command {
  /** A job's id, or a kind. */
  readonly name: string;
  /** After it in the address. */
  readonly verb: string;
  /** The same for each repetition, and for nothing else: it travels in a header. */
  readonly key: string;
  readonly body: unknown;
}

/** Sends a command; a lost answer is asked for again. `topics` take the view that it answers with. */
export function command<V, C extends RefusalCode>(
  http: Http,
  { name, verb, key, body }: Command,
  topics: { offer(view: PublicView): void },
): AsyncResult<V, ClientError<C>> {
  return AsyncResult.run(async () => {
    try {
      if (!/^[ -~]+$/.test(key)) throw new TypeError("A key must be ASCII.");
      const headers = { "content-type": "application/json", "idempotency-key": JSON.stringify(key) };
      const path = `/${encodeURIComponent(name)}${verb}`;
      const read = (wire: PublicView): V => {
        const view = reviveView<V>(wire);
        topics.offer(wire);
        return view;
      };
      return ok(await http.ask({ path, headers, body: JSON.stringify(body ?? null) }, read));
    } catch (cause) {
      // What is none of ours: no header, no address or no JSON can be made of what was given.
      const error = cause instanceof ClientError ? cause : invalid(String(cause));
      if (isRefusal(error.code)) return err(error as ClientError<C>);
      throw error;
    }
  });
}

/** A key that no other call has. */
export function freshKey({ clock, random }: Environment): string {
  const around = globalThis as { readonly crypto?: { randomUUID?(): string } };
  // `randomUUID` is missing on pages without TLS and in React Native. A key only has to differ from the caller's others.
  return around.crypto?.randomUUID?.() ?? `${clock.now()}-${random()}`;
}
