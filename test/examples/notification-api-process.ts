// An API that is asked for one message, in a process that can be killed.
import { apiOf } from "../../examples/notification-pipeline/api.js";
import { openWaybill } from "../../examples/notification-pipeline/open-waybill.js";

const { TABLE: table = "", QUEUE_URL: queueUrl = "" } = process.env;
const opened = openWaybill({ table, queueUrl });
await apiOf({ ...opened, table })(
  new Request("http://api/notifications", {
    method: "POST",
    headers: { "x-service": "billing", "idempotency-key": "k-1" },
    body: JSON.stringify({ id: "m-1", text: "hello" }),
  }),
);
