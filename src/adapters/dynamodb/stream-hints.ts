import type { FeedHint } from "../../core/ports/feed.js";
import type { Item } from "./client/client.js";
import { isProvisional } from "./items/codec.js";
import { jobKey } from "./names.js";
import { ItemReader } from "./items/reader.js";

/** A record of the table's stream, as Lambda and `GetRecords` hand it over, as far as it is read. */
export interface DynamoDbStreamRecord {
  readonly eventName?: string | undefined;
  readonly dynamodb?:
    | {
        readonly NewImage?: Readonly<Record<string, unknown>> | undefined;
        readonly OldImage?: Readonly<Record<string, unknown>> | undefined;
      }
    | undefined;
}

/**
 * The hints in a record of the table's stream (view type `NEW_IMAGE` or `NEW_AND_OLD_IMAGES`), for a feed's `publish`: one
 * where a job changed in what anybody may see, else none. Total: what is no job of the store's, or cannot be read, gives none.
 *
 * @example
 * export const handler = (event) => feed.publish(event.Records.flatMap(hintsOfStreamRecord))
 */
export function hintsOfStreamRecord(record: DynamoDbStreamRecord): readonly FeedHint[] {
  const { NewImage, OldImage } = record.dynamodb ?? {};
  const item = NewImage as Item | undefined;
  if (item === undefined || !isJob(item)) return [];
  try {
    const hint = hintOf(new ItemReader(item));
    // A heartbeat, a cursor or a look changes the item and no version.
    const before = OldImage as Item | undefined;
    if (before !== undefined && isJob(before) && new ItemReader(before).number("version") === hint.version) {
      return [];
    }
    return [hint];
  } catch {
    return [];
  }
}

function isJob(item: Item): boolean {
  const id = item["pk"]?.S ?? "";
  return id !== "" && item["sk"]?.S === jobKey(id).sk && !isProvisional(item);
}

function hintOf(reader: ItemReader): FeedHint {
  return {
    id: reader.id,
    kind: reader.text("kind"),
    version: reader.number("version"),
    owner: reader.textOrNull("owner"),
    subject: reader.textOrNull("subject"),
    readyAt: reader.numberOrNull("readyAt"),
    wakeAt: reader.numberOrNull("wakeAt"),
  };
}
