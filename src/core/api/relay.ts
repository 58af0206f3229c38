/** What a relay does. */
export interface RelayOptions {
  /** Names of the notifiers to publish to. @default all that this process has, `servedElsewhere()` apart */
  readonly notifiers?: readonly string[] | undefined;
  /**
   * Whether it looks for what is due too: without, what waits for a retry, and what no hint told of, is left to a process
   * that reconciles and has the notifier. @default true
   */
  readonly reconcile?: boolean | undefined;
  /** How long publishes under way are waited for at a stop. @default 30_000 // 30 s */
  readonly shutdownTimeoutMs?: number | undefined;
}

/** Publishes to notifiers what other processes store. */
export interface Relay {
  /**
   * Publishes until `stop`, or until the signal aborts; resolves when what was under way is delivered and noted, or is left
   * for later. Called again, it is the same run. Never rejects for a notifier's error.
   *
   * @throws {WaybillError} `waybill.closed` when it was stopped before
   * @throws {WaybillError} `store.not_migrated` or `config.invalid` when the store says that it cannot be used as it is
   */
  run(options?: { readonly signal?: AbortSignal | undefined }): Promise<void>;
  /** Takes nothing more, and resolves as `run` does. Safe to call twice. */
  stop(): Promise<void>;
}
