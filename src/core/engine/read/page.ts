import { WaybillError } from "../../errors/errors.js";

/** A place in a list of (createdAt, id). */
export interface PagePlace {
  readonly createdAt: number;
  readonly id: string;
}

const PLACE = /^([0-9a-z]{1,11})\.([A-Za-z0-9_-]{1,128})$/;

/** The cursor of a next page as callers carry it: opaque text, safe in a URL. */
export function encodePage(place: PagePlace | null): string | null {
  return place === null ? null : `${place.createdAt.toString(36)}.${place.id}`;
}

/** Reads a cursor that may come from anywhere. @throws WaybillError `config.invalid` when it is not one of ours */
export function decodePage(cursor: string | undefined): PagePlace | null {
  if (cursor === undefined) return null;
  const [, instant = "", id = ""] = PLACE.exec(cursor) ?? [];
  const createdAt = parseInt(instant, 36);
  if (!Number.isSafeInteger(createdAt)) {
    throw new WaybillError("config.invalid", "The cursor is not one that list returned.");
  }
  return { createdAt, id };
}
