/** The resolver's view of a request. */
export interface ResolverContext {
  readonly args: Readonly<Record<string, unknown>>;
  readonly identity: { readonly claims: Readonly<Record<string, unknown>> } | null;
  readonly result: unknown;
}

/** A resolver on a data source of type NONE. */
export interface Resolver {
  /** What the field resolves to. @throws {Unauthorized} */
  run(args: ResolverContext["args"], identity: ResolverContext["identity"]): unknown;
}

/** What `util.unauthorized()` of AppSync's runtime raises. */
export class Unauthorized extends Error {}

interface ResolverModule {
  readonly request: (context: ResolverContext) => { readonly payload: unknown };
  readonly response: (context: ResolverContext) => unknown;
}

/**
 * Runs the very text that is deployed to AppSync: its one import is `util`, of which `unauthorized` is used. A data source of
 * type NONE answers with the payload.
 */
export function resolver(text: string): Resolver {
  const body = text
    .replace(/^import \{ util \} from "@aws-appsync\/utils";\n/, "")
    .replaceAll("export function", "function");
  const util = {
    unauthorized(): never {
      throw new Unauthorized("Not Authorized");
    },
  };
  // eslint-disable-next-line @typescript-eslint/no-implied-eval, @typescript-eslint/no-unsafe-call -- the text is the library's own
  const { request, response } = new Function("util", `${body}; return { request, response };`)(
    util,
  ) as ResolverModule;
  return {
    run(args, identity) {
      const { payload } = request({ args, identity, result: null });
      return response({ args, identity, result: payload });
    },
  };
}
