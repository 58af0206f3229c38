import { readFileSync } from "node:fs";
import { basename } from "node:path";
import type { ChangeSource } from "../../nth-failure/campaign/bundle.js";
import { conditionsIn, withSwitches } from "../conditions.js";

const FOLDER = "src/adapters/dynamodb/";

/** The parts of the store that read and compare. The others put requests together, or say what went wrong with them. */
const FILES: readonly string[] = [
  ..."advance beat claim list operations parked scope take-due write"
    .split(" ")
    .map((name) => `calls/${name}.ts`),
  ..."places refs removal time-to-live".split(" ").map((name) => `items/${name}.ts`),
];

/** Puts switches to the conditions of the store on its way into a bundle. */
export const withDynamoDbSwitches: ChangeSource = (file, source) => {
  const name = file.startsWith(FOLDER) ? file.slice(FOLDER.length) : "";
  return FILES.includes(name) ? withSwitches(basename(name), source) : source;
};

/** Conditions that no test comes to: their switches were never asked. */
export function unsentConditions(asked: readonly string[]): readonly string[] {
  const known = new Set(asked);
  return FILES.flatMap((name) =>
    conditionsIn(basename(name), readFileSync(`${FOLDER}${name}`, "utf8")),
  ).flatMap(({ key }) => (known.has(key) ? [] : [key]));
}
