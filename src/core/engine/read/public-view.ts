import type { Definition } from "../../definition.js";
import type { StoredJob } from "../../ports/store.js";
import { viewOf } from "../../view/projection.js";
import type { PublicView } from "../../view/public-view.js";
import { jsonOfView } from "../../view/view-json.js";
import { jobOf } from "./job.js";

/**
 * A stored job as it may leave the server: what `toView` makes, as JSON. `stored` has what was read of input (a kind's messages
 * may want it, nothing else of it is shown) and output (`undefined`: not read, and then not shown).
 *
 * @throws WaybillError `config.invalid` when the kind's own `project` throws
 */
export function publicViewOf(definition: Definition, stored: StoredJob): PublicView {
  return jsonOfView(viewOf(definition, jobOf(definition, stored)));
}
