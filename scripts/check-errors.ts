// Generates docs/errors.md from the error codes, and fails when it is stale. `--write` rewrites it.
import { readFileSync, writeFileSync } from "node:fs";
import { format, resolveConfig } from "prettier";
import { ERROR_CODES, type ErrorCode } from "../src/core/errors/error-codes.js";
import { ERROR_MEANINGS } from "./error-meanings.js";

const page = new URL("../docs/errors.md", import.meta.url);

function render(): string {
  const sections = Object.entries(ERROR_CODES).map(([code, { remedy, retryable }]) =>
    [
      `## ${code}`,
      ERROR_MEANINGS[code as ErrorCode],
      remedy,
      retryable ? "The same call may succeed later." : "The same call will not succeed.",
    ].join("\n\n"),
  );
  return [
    "# Errors",
    "<!-- Generated from src/core/errors/error-codes.ts and scripts/error-meanings.ts by `npm run check:errors -- --write`. -->",
    "Every error of Waybill has a `code` that never changes, `retryable`, and an `outcome`: `not_applied` (nothing was written), `applied`, or `unknown` (it may have been; read the job). Recognise one with `isWaybillError(error, code)`.",
    "A method answers `Err` where Waybill decided no and nothing was written; it throws on misuse, and when the store is out of reach or the outcome is not known.",
    ...sections,
    "",
  ].join("\n\n");
}

const wanted = await format(render(), { ...(await resolveConfig(page.pathname)), parser: "markdown" });
if (process.argv.includes("--write")) {
  writeFileSync(page, wanted);
} else if (readPage() !== wanted) {
  console.error("docs/errors.md is stale: run `npm run check:errors -- --write`.");
  process.exitCode = 1;
}

function readPage(): string {
  try {
    return readFileSync(page, "utf8");
  } catch {
    return "";
  }
}
