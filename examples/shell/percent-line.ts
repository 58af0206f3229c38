import type { CSSProperties } from "react";

/** The style of a row whose lower line fills with what is done. @param done - 0–1; `null`: nobody knows */
export function percentLine(done: number | null): CSSProperties | undefined {
  return done === null ? undefined : ({ "--percent": `${Math.round(done * 100)}%` } as CSSProperties);
}
