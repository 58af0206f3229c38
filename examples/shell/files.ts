import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

export interface PageOptions {
  readonly title: string;
  /** The folder of the page: its `app.tsx`, and its style sheets. */
  readonly folder: URL;
  /** Of that folder, in order, behind those that pages share. */
  readonly styles: readonly string[];
}

/** Answers with the files of a page: its script, its style, and at every other path the page itself. */
export function pageFiles({ title, folder, styles }: PageOptions): (pathname: string) => Promise<Response> {
  const html = `<!doctype html><html lang="en"><meta charset="utf-8"><title>${title}</title>
<meta name="viewport" content="width=device-width,initial-scale=1"><meta name="color-scheme" content="light dark">
<link rel="stylesheet" href="/style.css"><link rel="icon" href="data:,"><div id="root"></div><script type="module" src="/app.js"></script></html>`;
  let bundle: Promise<string> | null = null;
  let sheet: Promise<string> | null = null;
  // Made when they are first asked for.
  return async (pathname) => {
    if (pathname === "/app.js") return file(await (bundle ??= bundled(folder)), "text/javascript");
    if (pathname === "/style.css") return file(await (sheet ??= joined(folder, styles)), "text/css");
    return file(html, "text/html");
  };
}

async function bundled(folder: URL): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL("app.tsx", folder))],
    ...{ bundle: true, write: false, format: "esm", minify: true, jsx: "automatic" },
    define: { "process.env.NODE_ENV": '"production"' },
  });
  return outputFiles[0]?.text ?? "";
}

async function joined(folder: URL, styles: readonly string[]): Promise<string> {
  const all = [new URL("style.css", import.meta.url), ...styles.map((name) => new URL(name, folder))];
  return (await Promise.all(all.map((url) => readFile(url, "utf8")))).join("");
}

function file(body: string, type: string): Response {
  return new Response(body, { headers: { "content-type": `${type}; charset=utf-8` } });
}
