import { createRoot } from "react-dom/client";
import { Execution } from "./execution.js";
import { Plan, Plans } from "./plan.js";
import { location } from "./shell.js";
import { type PlanId, PLANS } from "./words.js";

function App() {
  const [, section, name = ""] = location.pathname.split("/");
  if (section === "executions") return <Execution id={name} />;
  if (section === "plans" && name in PLANS) return <Plan planId={name as PlanId} />;
  return <Plans />;
}

const { document } = globalThis as unknown as {
  readonly document: { getElementById(id: string): Parameters<typeof createRoot>[0] | null };
};
const root = document.getElementById("root");
if (root !== null) createRoot(root).render(<App />);
