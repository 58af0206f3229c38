import type { PublicView } from "../core/view/public-view.js";
import { AsyncResult, err, ok } from "../core/errors/result.js";
import { ClientError, type RefusalCode } from "./client-error.js";
import type { Environment } from "./environment.js";
import type { Call, Http } from "./http.js";
import { reviveView } from "./revive.js";

/** Sends a command; a lost answer is asked for again. `offer` takes the view that it answers with. */
export function command<V, C extends RefusalCode>(
  http: Http,
  call: Call,
  offer: (view: PublicView) => void,
): AsyncResult<V, ClientError<C>> {
  return AsyncResult.run(async () => {
    try {
      const view = (await http.ask(call)) as PublicView;
      offer(view);
      return ok(reviveView<V>(view));
    } catch (error) {
      // The codes of a server's no name what it is about; faults are the client's own words for no answer.
      if (error instanceof ClientError && /^(?:input|job|id)/.test(String(error.code))) {
        return err(error as ClientError<C>);
      }
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
