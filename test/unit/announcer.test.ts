import { expect, it } from "vitest";
import { together } from "../../src/react/announcer.js";

it.each([
  [["Ready"], "Ready"],
  [["Ready", "Failed: Not a PDF"], "Ready. Failed: Not a PDF"],
  [["srv-4 failed. The others go on.", "Converting"], "srv-4 failed. The others go on. Converting"],
  [["Launch six servers?", "Reading …", "Stop!", "Done."], "Launch six servers? Reading … Stop! Done."],
  [[], ""],
])("says %j as sentences", (said, text) => {
  expect(together(said)).toBe(text);
});
