import { createRoot } from "react-dom/client";
import { document, location } from "../../shell/browser.js";
import { Execution } from "./execution.js";
import { Plan, Plans } from "./plan.js";
import { type PlanId, PLANS } from "./words.js";

function App() {
  const [, section, name = ""] = location.pathname.split("/");
  if (section === "executions") return <Execution id={name} />;
  if (section === "plans" && name in PLANS) return <Plan planId={name as PlanId} />;
  return <Plans />;
}

const root = document.getElementById("root");
if (root !== null) createRoot(root).render(<App />);
