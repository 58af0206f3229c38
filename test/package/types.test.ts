import { join } from "node:path";
import { expect, it } from "vitest";
import { installedPackage, projectWith } from "./support/installed-package.js";
import { repository, run } from "./support/run.js";

const NODE = { lib: ["ES2022"], types: ["node"] };
const BROWSER = { lib: ["ES2022", "DOM", "DOM.AsyncIterable"], types: [] };

/** How people compile. `file` decides what NodeNext takes the consumer for: `.mts` imports, `.cts` requires. */
const CONSUMERS = [
  { title: "NodeNext, ESM", file: "main.mts", options: { module: "NodeNext" }, place: NODE },
  { title: "NodeNext, CJS", file: "main.cts", options: { module: "NodeNext" }, place: NODE },
  { title: "Node16, ESM", file: "main.mts", options: { module: "Node16" }, place: NODE },
  { title: "Node16, CJS", file: "main.cts", options: { module: "Node16" }, place: NODE },
  {
    title: "Bundler",
    file: "main.ts",
    options: { module: "ESNext", moduleResolution: "Bundler" },
    place: NODE,
  },
  {
    title: "node10",
    file: "main.ts",
    options: { module: "CommonJS", moduleResolution: "node10" },
    place: NODE,
  },
  {
    title: "Bundler, without the types of Node",
    file: "main.ts",
    options: { module: "ESNext", moduleResolution: "Bundler" },
    place: BROWSER,
  },
];

const tsc = join(repository, "node_modules", "typescript", "bin", "tsc");

/**
 * What tsc has against the consumer or against our declarations. Those of our dependencies are checked along, and
 * some (xstate's) do not bear `exactOptionalPropertyTypes`: that is theirs to mend.
 */
function ours(output: string): string[] {
  return output
    .split("\n")
    .filter((line) => /^\S.*error TS\d+/.test(line))
    .filter((line) => !/node_modules\/(?!waybill\/)[^(]*\(/.test(line));
}

it.each(CONSUMERS)("types of every entry compile under $title", async ({ file, options, place }) => {
  const { entries } = await installedPackage();
  // A socket server and a broker's connection are Node's: their types name it.
  const servers = ["waybill/rabbitmq", "waybill/websocket"];
  const shown = place === BROWSER ? entries.filter(({ specifier }) => !servers.includes(specifier)) : entries;
  const imports = shown.map(({ specifier }, i) => `import * as entry${i} from "${specifier}";`);
  const uses = shown.map((_, i) => `entry${i}`);
  const compilerOptions = {
    ...options,
    ...place,
    target: "ES2022",
    strict: true,
    exactOptionalPropertyTypes: true,
    skipLibCheck: false,
    noEmit: true,
  };
  const project = await projectWith({
    uses: place.types.map((name) => `@types/${name}`),
    files: {
      [file]: `${imports.join("\n")}\nexport const entries = [${uses.join(", ")}];\n`,
      "tsconfig.json": JSON.stringify({ compilerOptions, files: [file] }),
    },
  });
  const { stdout } = await run(project, process.execPath, tsc, "-p", ".", "--pretty", "false");
  expect(ours(stdout)).toEqual([]);
});
