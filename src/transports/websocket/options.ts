import type { Authorize } from "../../core/view/access.js";
import type { AnyDef } from "../../core/define/any-def.js";
import { WaybillError } from "../../core/errors/errors.js";
import { requireOptions } from "../../core/options/options.js";

/** What a gateway needs to know; nothing is open by default. */
export interface WebsocketGatewayOptions<D extends AnyDef = AnyDef> {
  /** The kinds that are shown, of those of the composition; others are as unknown as none. */
  readonly kinds: readonly D[];
  /**
   * Who is calling: asked with the upgrade as a Web request, or with the token of the first frame as `authorization: Bearer …`
   * (then without the upgrade's cookies). `null`: nobody known.
   */
  readonly authorize: Authorize;
  /**
   * The pages that may connect, as browsers name them in `Origin`: `https://app.example`. `[]`: no browser may. What sends no
   * `Origin` is no browser, and is let through to `authorize`.
   */
  readonly allowedOrigins: readonly string[];
  /** Where to connect to. @default "/jobs" */
  readonly path?: string | undefined;
}

/** The options, checked. */
export interface Settings {
  readonly kinds: readonly string[];
  readonly authorize: Authorize;
  readonly allowedOrigins: ReadonlySet<string>;
  readonly path: string;
}

/** @throws {WaybillError} `config.invalid` */
export function settingsOf(options: WebsocketGatewayOptions): Settings {
  requireOptions("websocketGateway", options, ["kinds", "authorize", "allowedOrigins", "path"]);
  const {
    kinds,
    authorize,
    allowedOrigins,
    path = "/jobs",
  } = options as {
    readonly [K in keyof WebsocketGatewayOptions]: unknown;
  };
  if (!Array.isArray(kinds) || kinds.length === 0) {
    throw invalid("websocketGateway needs kinds: the definitions whose jobs are shown.");
  }
  if (typeof authorize !== "function") {
    throw invalid("websocketGateway needs authorize: a function that says who is calling.");
  }
  if (!Array.isArray(allowedOrigins)) {
    throw invalid(
      "websocketGateway needs allowedOrigins: the origins of pages that may connect, [] for none.",
    );
  }
  for (const [index, origin] of (allowedOrigins as readonly unknown[]).entries()) {
    if (isOrigin(origin)) continue;
    throw invalid(
      `allowedOrigins[${String(index)}] must be an origin such as https://app.example, without a path.`,
    );
  }
  if (typeof path !== "string" || !path.startsWith("/"))
    throw invalid("path must be a text that begins with /.");
  return {
    kinds: (kinds as readonly (AnyDef | null | undefined)[]).map((def, index) => kindOf(def, index)),
    authorize: options.authorize,
    allowedOrigins: new Set(options.allowedOrigins),
    path,
  };
}

function kindOf(def: AnyDef | null | undefined, index: number): string {
  const kind: unknown = def?.kind;
  if (typeof kind === "string") return kind;
  throw invalid(`kinds[${String(index)}] must be a definition made by defineJob.`);
}

function isOrigin(value: unknown): boolean {
  if (typeof value !== "string") return false;
  try {
    const { origin, protocol } = new URL(value);
    return origin === value && (protocol === "https:" || protocol === "http:");
  } catch {
    return false;
  }
}

function invalid(sentence: string): WaybillError {
  return new WaybillError("config.invalid", sentence);
}
