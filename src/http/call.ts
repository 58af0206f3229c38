import type { Principal } from "../core/view/access.js";
import type { Service } from "./options.js";

/** One request, as its route gets it. */
export interface Call {
  readonly service: Service;
  readonly request: Request;
  readonly principal: Principal;
  readonly query: URLSearchParams;
  /** The first step of the path: an id or a kind. */
  readonly name: string;
}
