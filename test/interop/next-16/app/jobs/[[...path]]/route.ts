import { jobRoutes } from "waybill/http";
import { double } from "../../../jobs";
import { waybill } from "../../../waybill";

export const dynamic = "force-dynamic";

const routes = jobRoutes(waybill, {
  kinds: [double],
  submit: [double],
  authorize: async () => ({ owner: "ann" }),
});

export { routes as GET, routes as POST };
