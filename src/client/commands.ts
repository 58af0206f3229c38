import type { PublicView } from "../core/view/public-view.js";
import { AsyncResult, err, ok } from "../core/errors/result.js";
import { ClientError, type RefusalCode } from "./client-error.js";
import type { Environment } from "./environment.js";
import { type Http, isRefusal } from "./http.js";
import { reviveView } from "./revive.js";

/** What is asked for. */
interface Command {
  /** After `baseUrl`. */
  readonly path: string;
  /** The same for each repetition, and for nothing else: it travels in a header. */
  readonly key: string;
  readonly body: unknown;
}

/** Sends a command; a lost answer is asked for again. `offer` takes the view that it answers with. */
export function command<V, C extends RefusalCode>(
  http: Http,
  { path, key, body }: Command,
  offer: (view: PublicView) => void,
): AsyncResult<V, ClientError<C>> {
  return AsyncResult.run(async () => {
    try {
      if (!/^[ -~]+$/.test(key)) throw new ClientError("config.invalid", "A key must be ASCII.");
      const headers = { "content-type": "application/json", "idempotency-key": JSON.stringify(key) };
      const call = { path: `/${path}`, headers, body: JSON.stringify(body ?? null) };
      const view = (await http.ask(call)) as PublicView;
      offer(view);
      return ok(reviveView<V>(view));
    } catch (error) {
      if (error instanceof ClientError && isRefusal(error.code)) return err(error as ClientError<C>);
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
