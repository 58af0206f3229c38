// What tests in a real browser share: the browser, and the page that they show.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { build } from "esbuild";

/** Chromium as it is on the machine. */
export const CHROMIUM = {
  executablePath: process.env["CHROMIUM"] ?? "/usr/bin/chromium",
  args: [
    ...["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"],
    ...["--disable-background-networking", "--disable-component-update", "--disable-sync"],
  ],
};

const STYLE = `
  :root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; background: #fcfcfd; color: #1c1d21; }
  @media (prefers-color-scheme: dark) { :root { background: #111216; color: #ecedf0; } }
  [data-part=bar] { height: 8px; border: 1px solid #8b909b; background: linear-gradient(currentColor 0 0) 0 / var(--percent, 0) no-repeat; }
`;
export const shell = (body: string, head = "", script = "/page.js"): string =>
  `<!doctype html><html lang="en"><head><title>Jobs</title><link rel="icon" href="data:,"><style>${STYLE}</style>${head}</head><body><div id="root">${body}</div><script type="module" src="${script}"></script></body></html>`;

/** Scripts of the pages, and axe, by their paths. */
export async function pageScripts(): Promise<Record<string, string>> {
  const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
  const [page, caches] = await Promise.all(["react-page.tsx", "cache-page.tsx"].map(bundled));
  return { "/page.js": page ?? "", "/caches.js": caches ?? "", "/axe.js": axe };
}

async function bundled(name: string): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [new URL(name, import.meta.url).pathname],
    bundle: true,
    format: "esm",
    jsx: "automatic",
    write: false,
    // React says what it finds wrong only in development.
    define: { "process.env.NODE_ENV": '"development"' },
  });
  return outputFiles[0]?.text ?? "";
}
