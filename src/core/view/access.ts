import { WaybillError } from "../errors/errors.js";

/** Who is calling, by their credential: what `authorize` finds out. */
export interface Principal {
  /** Whose jobs they see, and submit: never taken from anything else than the credential. */
  readonly owner: string;
  /** Who acts, for the history, where that is not the owner. */
  readonly actor?: string | undefined;
  /** When the credential ends; a live connection ends with it unless it is renewed. */
  readonly expiresAt?: Date | undefined;
  /** `all`: everybody's jobs, as operators do. @default "own" */
  readonly sees?: "own" | "all" | undefined;
}

/**
 * Finds out from a request who is calling; `null`: nobody known, which is answered with 401. Shared by `waybill/http` and
 * `waybill/websocket`.
 */
export type Authorize = (request: Request) => Principal | null | Promise<Principal | null>;

/**
 * What `authorize` answered, checked: without types, a principal may come without an owner, and that must never mean
 * everybody.
 *
 * @throws {WaybillError} `config.invalid`: for the server's log; the caller learns no more than that something failed
 */
export function checkPrincipal(given: unknown): Principal | null {
  if (given === null || given === undefined) return null;
  const { owner, actor, expiresAt, sees } = given as { readonly [K in keyof Principal]: unknown };
  if (typeof owner !== "string" || owner === "") {
    throw new WaybillError("config.invalid", "authorize answered with a principal that has no owner.");
  }
  if (actor !== undefined && typeof actor !== "string") {
    throw new WaybillError("config.invalid", "authorize answered with an actor that is no text.");
  }
  if (expiresAt !== undefined && !(expiresAt instanceof Date && Number.isFinite(expiresAt.getTime()))) {
    throw new WaybillError("config.invalid", "authorize answered with expiresAt that is no Date.");
  }
  if (sees !== undefined && sees !== "own" && sees !== "all") {
    throw new WaybillError("config.invalid", 'authorize answered with sees that is neither "own" nor "all".');
  }
  return given as Principal;
}
