import { toView } from "../../api/view.js";
import type { AnyDef } from "../../define/any-def.js";
import type { Definition } from "../../definition.js";
import type { StoredJob } from "../../ports/store.js";
import type { PublicView } from "../../public-view.js";
import { jobOf } from "./job.js";

/** A stored job as it may leave the server: its view, as JSON writes it. */
export function publicViewOf(definition: Definition, stored: StoredJob): PublicView {
  const job = jobOf(definition, stored);
  // The view reads the kind's name only.
  const view = toView({ kind: definition.kind } as unknown as AnyDef, job as never);
  return JSON.parse(JSON.stringify(view)) as PublicView;
}
