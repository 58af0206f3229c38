import { openWaybill } from "./open-waybill.js";
import { recovering } from "./recovering.js";
import { recoveryService } from "./recovery-client.js";

const { waybill, close } = openWaybill();
const ending = new AbortController();
process.once("SIGTERM", () => {
  ending.abort();
});
process.send?.("ready");
await waybill.worker([recovering(recoveryService())]).run({ signal: ending.signal });
await close();
