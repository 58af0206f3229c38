import { useEffect } from "react";
import { createRoot } from "react-dom/client";
import { document, location } from "../../shell/browser.js";
import { store } from "./page-store.js";
import { DocumentPage } from "./document-page.js";
import { WorkspacePage } from "./workspace-page.js";
import { WorkspacesPage } from "./workspaces-page.js";

/** `/` · `/workspaces/{id}` · `/documents/{id}` */
function App() {
  useEffect(() => {
    const stop = store.listen();
    return stop;
  }, []);
  const [, section, id = ""] = location.pathname.split("/");
  if (section === "documents") return <DocumentPage id={id} />;
  return section === "workspaces" ? <WorkspacePage id={id} /> : <WorkspacesPage />;
}

const root = document.getElementById("root");
if (root !== null) createRoot(root).render(<App />);
