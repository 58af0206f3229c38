import type { PublicView } from "../../view/public-view.js";
import type { Core } from "../context.js";
import { publicViewOf } from "../read/public-view.js";

/** The views that one publish may ask for: each job is read once for it, and only when asked. */
export function viewsFor(core: Core): (jobId: string) => Promise<PublicView | null> {
  const asked = new Map<string, Promise<PublicView | null>>();
  return (jobId) => {
    const known = asked.get(jobId);
    if (known !== undefined) return known;
    const view = read(core, jobId);
    asked.set(jobId, view);
    return view;
  };
}

async function read(core: Core, jobId: string): Promise<PublicView | null> {
  const stored = await core.gateway.read(jobId, { input: true, output: true });
  if (stored === null) return null;
  const definition = core.definitions.get(stored.record.kind);
  return definition === undefined ? null : publicViewOf(definition, stored);
}
