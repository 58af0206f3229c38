import { expect, it } from "vitest";
import { WaybillError } from "../../src/core/errors/errors.js";
import { createTellUnshowable } from "../../src/core/engine/unshowable.js";
import { recordingLogger } from "../support/engine.js";

it("says each of the last ten thousand jobs once, and remembers no more than those", () => {
  const { logger, lines } = recordingLogger();
  const tell = createTellUnshowable(logger);
  const met = (id: string): void => {
    tell({ id, kind: "sample.rows" }, new WaybillError("config.invalid", "canary"));
  };
  for (let index = 0; index < 10_000; index += 1) met(`job-${index}`);
  met("job-0");
  expect(lines).toHaveLength(10_000);
  met("one-more");
  met("job-1");
  expect(lines).toHaveLength(10_001);
  met("job-0");
  expect(lines.at(-1)).toMatchObject({ fields: { jobId: "job-0", code: "config.invalid" } });
  expect(lines).toHaveLength(10_002);
  expect(JSON.stringify(lines)).not.toContain("canary");
});
