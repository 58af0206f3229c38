// Every object of options that the library takes: a name that it does not know is refused before anything happens, with the
// nearest one that it does. The misspelt names are generated from the known ones.
import { readdirSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { isWaybillError } from "../../src/core/errors/errors.js";
import { ENTRIES, type Entry } from "./option-entries.js";

/** Ways in which people get a name wrong. None of them is another known name. */
function misspelt(name: string, known: readonly string[]): readonly string[] {
  const ways = [
    name.toLowerCase(),
    name.slice(0, -1),
    `${name}s`,
    name.slice(0, 1) + name.slice(2),
    `${name.slice(0, -1)}x`,
  ];
  return [...new Set(ways)].filter((way) => way.length > 1 && !known.includes(way));
}

async function refusal(entry: Entry, options: unknown): Promise<unknown> {
  try {
    await entry.call(options as never);
    return null;
  } catch (error) {
    return error;
  }
}

describe.each(ENTRIES)("the options of $what", (entry) => {
  it("that do not exist are refused, with the nearest that does", async () => {
    for (const name of entry.known) {
      for (const wrong of misspelt(name, entry.known)) {
        const error = await refusal(entry, { ...entry.base, [wrong]: undefined });
        expect(error, `${entry.what} took ${wrong}`).toMatchObject({ code: "config.invalid" });
        const { message } = error as Error;
        expect(message).toContain(`"${wrong}"`);
        // A long name with one letter wrong can only be meant one way; the client carries no such table.
        const hint =
          entry.what !== "" && name.length > 5 ? /Did you mean \w+\?/ : /Did you mean \w+\?|It takes /;
        expect(message).toMatch(hint);
        if (entry.what !== "") expect(message).toContain(entry.what);
        expect(message).not.toMatch(/undefined|\[object|Cannot (read|destructure)/);
      }
    }
  });

  it("must be an object", async () => {
    for (const wrong of [null, 7, "text", []]) {
      const error = await refusal(entry, wrong);
      if (entry.what === "") expect(error).toMatchObject({ code: "config.invalid" });
      else expect(isWaybillError(error, "config.invalid"), `${entry.what} took ${String(wrong)}`).toBe(true);
    }
  });
});

/** Functions of the entries that take no options of their own. */
const WITHOUT_OPTIONS = [
  ...[
    "steps",
    "tally",
    "servedElsewhere",
    "isCancelled",
    "eventToJson",
    "isFinal",
    "isOk",
    "ok",
    "err",
    "unwrap",
  ],
  ...["toView", "toListedView", "viewFromJson", "isWaybillError", "memoryStore", "applyNewer"],
  ...["defineFeed", "defineNotifier", "defineQueue", "defineStore"],
  ...["appsyncResolver", "hintsOfStreamRecord", "problemOf", "problemResponse", "withFlush"],
  ...["listenOnPg", "fromPg", "fromPostgresJs", "postgresMigrationSql", "rabbitmqConnection"],
];
/** For those who write or test parts, and what is checked by hand elsewhere. */
const OTHER_ENTRIES = ["machine.ts", "react.ts", "store-kit.ts", "testing.ts"];

it("leaves no function of an entry out", async () => {
  const swept = ENTRIES.map(({ call }) => `${call.name} ${String(call)}`).join("\n");
  const entries = readdirSync("src").filter((file) => file.endsWith(".ts") && !OTHER_ENTRIES.includes(file));
  for (const file of entries) {
    const exported = (await import(`../../src/${file}`)) as Readonly<Record<string, unknown>>;
    for (const [name, value] of Object.entries(exported)) {
      if (typeof value !== "function" || /^[A-Z]/.test(name) || WITHOUT_OPTIONS.includes(name)) continue;
      expect(swept, `${name} of ${file} is not swept`).toMatch(new RegExp(`\\b${name}\\b`));
    }
  }
});
