import { joined, type WireChanges } from "../topic.js";

/** The changes in an event stream; `null` for whatever else comes: a comment is a sign of life. */
export async function* changesOf(body: ReadableStream<Uint8Array>): AsyncGenerator<WireChanges | null, void> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let text = "";
  let parts: WireChanges | null = null;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    yield null;
    const events = (text + decoder.decode(value, { stream: true })).split("\n\n");
    text = events.pop() as string;
    for (const event of events) {
      const data = /^event: changes\n(?:.*\n)*?data: (.*)/m.exec(event)?.[1];
      if (data === undefined) continue;
      const changes = joined(parts, JSON.parse(data) as WireChanges);
      parts = changes.more === true ? changes : null;
      if (parts === null) yield changes;
    }
  }
}
