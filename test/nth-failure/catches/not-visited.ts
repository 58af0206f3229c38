/** Catch branches that no run comes to, each with the reason why none can. */
export const NOT_VISITED: readonly {
  readonly file: string;
  readonly inside: string;
  readonly reason: string;
}[] = [];
