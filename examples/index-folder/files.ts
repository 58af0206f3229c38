import { readdir } from "node:fs/promises";
import { join, relative } from "node:path";

const SKIPPED = new Set(["node_modules", "dist", "coverage"]);

/** The Markdown files below a folder, by relative path, without what is hidden or installed. */
export async function markdownFiles(root: string, folder: string = root): Promise<readonly string[]> {
  const found: string[] = [];
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (entry.name.startsWith(".") || SKIPPED.has(entry.name)) continue;
    const path = join(folder, entry.name);
    if (entry.isDirectory()) found.push(...(await markdownFiles(root, path)));
    else if (entry.isFile() && /\.(md|markdown)$/i.test(entry.name)) found.push(relative(root, path));
  }
  return found.sort();
}
