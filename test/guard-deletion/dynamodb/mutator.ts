import type { Deletion, KnownGuard, Mutator } from "../mutator.js";
import { guardsOfRequest, type Request } from "./requests.js";

/** Of requests, and of the conditions of the source that sends them. */
export class RequestMutator implements Mutator {
  readonly known = new Map<string, readonly KnownGuard[]>();
  readonly unreadable = new Set<string>();
  readonly sent = new Set<string>();
  deletion: Deletion | null = null;

  /** What is sent instead of a request; `null`: the request as it is. */
  changed(site: string, request: Request): Request | null {
    const guards = guardsOfRequest(site, request);
    const statement = `${site}: ${guards.map(({ key }) => key).join()}`;
    if (!this.known.has(statement)) {
      this.known.set(
        statement,
        guards.map(({ key }) => ({ key, ways: [key] })),
      );
    }
    this.sent.add(statement);
    const { deletion } = this;
    return (deletion === null ? undefined : guards.find(({ key }) => key === deletion.key))?.without ?? null;
  }

  /** What a condition of the source is taken to be; `undefined`: what it is. */
  forced(condition: string): boolean | undefined {
    const [always, never] = [`${condition} → true`, `${condition} → false`];
    if (!this.known.has(condition))
      this.known.set(
        condition,
        [always, never].map((key) => ({ key, ways: [key] })),
      );
    this.sent.add(condition);
    if (this.deletion?.key === always) return true;
    return this.deletion?.key === never ? false : undefined;
  }
}
