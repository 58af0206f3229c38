/** Whose a request is, as the application's own `authorize` tells it from the credential. Never from a body or a query. */
export interface Principal {
  readonly owner: string;
  /** Who it is, for the history. @default the owner is not named there */
  readonly actor?: string;
  /** When the credential ends. */
  readonly expiresAt?: Date;
  /** `"all"`: jobs of everybody, for an operator. What is submitted is still the owner's. @default "own" */
  readonly sees?: "own" | "all";
}

/** Says whose a request is; `null`: nobody's who may ask. */
export type Authorize = (request: Request) => Principal | null | Promise<Principal | null>;
