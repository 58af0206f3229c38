import { createWaybill, memoryStore, type Waybill } from "waybill";
import { double } from "./jobs";

const held = globalThis as { waybill?: Waybill<typeof double> };

function start() {
  const waybill = createWaybill({ jobs: [double], store: memoryStore() });
  void waybill.worker([double.handle(({ input }) => input * 2)]).run();
  return waybill;
}

/** One a process: routes and actions are bundles of their own. */
export const waybill = (held.waybill ??= start());
