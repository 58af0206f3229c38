import { sentenceOf } from "../../../examples/documents/page/said.js";
import { DOCUMENT_LABELS } from "../../../examples/documents/page/words.js";
import { deflateSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { createWaybill, memoryStore } from "waybill";
import { ingest, provision } from "../../../examples/documents/documents.jobs.js";
import { type Listed, reduce, type State } from "../../../examples/documents/page/store.js";
import {
  chunked,
  embedded,
  neighboursOf,
  textOfPdf,
  UnreadableFile,
} from "../../../examples/documents/pdf.js";
import { bytesOf, SAMPLES } from "../../../examples/documents/run/samples.js";

describe("a document, on a store in memory and without a publisher", () => {
  const open = () => createWaybill({ jobs: [ingest, provision], store: memoryStore() });

  it("is pending, processing and ready, in its own words", async () => {
    const waybill = open();
    const { id, word } = await waybill.submit(ingest, { documentId: "d-1" }, { owner: "ana" }).unwrap();
    expect(word).toBe("pending");
    const claimed = await waybill.claim(ingest, id);
    if (!claimed.ok) throw claimed.error;
    expect((await claimed.value.track({ jobId: id })).job.word).toBe("processing");
    const output = { chunks: 3, embeddingModel: "hashed-64" };
    const told = await waybill.report(ingest, { ref: id }, { state: "done", output });
    expect(told).toMatchObject({ ok: true, value: { word: "ready", output } });
    await waybill.close();
  });

  it("that is not there is null to a reader, and refused to a claim", async () => {
    const waybill = open();
    expect(await waybill.latest(ingest, "document:none")).toBeNull();
    const claimed = await waybill.claim(ingest, "none");
    expect(claimed).toMatchObject({ ok: false, error: { code: "job.not_found", acknowledge: false } });
    await waybill.close();
  });
});

describe("reading", () => {
  it("takes the text of a PDF, stored as it is or deflated, with its escapes", () => {
    const [sample] = SAMPLES;
    const text = textOfPdf(bytesOf(sample!));
    expect(text.split("\n")).toHaveLength(42);
    expect(text).toContain("the parties (both) agree");
    const stream = deflateSync(Buffer.from("BT [(Wo) -20 (rd)] TJ (a\\)b) Tj ET")).toString("latin1");
    const file = `%PDF-1.4\n4 0 obj << /Filter /FlateDecode >>\nstream\n${stream}\nendstream`;
    expect(textOfPdf(Buffer.from(file, "latin1"))).toBe("Word\na)b");
  });

  it("refuses what is none, and what has no text", () => {
    expect(() => textOfPdf(Buffer.from("\u0089PNG"))).toThrow(new UnreadableFile("Not a PDF"));
    expect(() => textOfPdf(Buffer.from("%PDF-1.4 nothing"))).toThrow("There is no text in it");
  });

  it("cuts at ends of lines, and finds what is near", () => {
    expect(chunked("aaaa\nbbbb\ncccc", 9)).toEqual(["aaaa\nbbbb", "cccc"]);
    const texts = ["rent is due in May", "May is when rent is due", "cats sleep"];
    expect(neighboursOf(texts.map(embedded), 1)).toEqual([[1], [0], expect.any(Array)]);
  });
});

describe("what the page says of a list", () => {
  const of = (name: string, word: keyof typeof DOCUMENT_LABELS) => ({ id: name, name, word });

  it("names one, and counts several that come to the same word together", () => {
    const said = (...changed: ReturnType<typeof of>[]) => sentenceOf(changed, "documents", DOCUMENT_LABELS);
    expect(said(of("lease.pdf", "ready"))).toBe("lease.pdf: Ready");
    expect(said(of("a", "ready"), of("b", "failed"), of("c", "ready"), of("d", "ready"))).toBe(
      "3 documents ready. b: Failed",
    );
  });
});

describe("the page's store", () => {
  const job = (id: string, version: number, createdAt: string, word = "processing") =>
    ({
      id,
      version,
      word,
      subject: "document:d-1",
      kind: "document.process",
      createdAt,
    }) as unknown as Listed;
  const changes = (jobs: readonly Listed[], more: object = {}) =>
    ({
      type: "document_status",
      changes: { jobs, gone: [], snapshot: false, reset: false, ...more },
    }) as const;
  const shown = (state: State) => {
    const { id, version } = state.jobs.get("document:d-1") ?? { id: null, version: null };
    return [id, version];
  };
  const first = reduce(undefined, changes([job("a", 4, "2026-01-01")]));

  it("keeps the newest of a job, whatever is late or doubled", () => {
    const late = reduce(first, changes([job("a", 4, "2026-01-01"), job("a", 3, "2026-01-01")]));
    expect(shown(late)).toEqual(["a", 4]);
    expect(shown(reduce(late, changes([job("a", 6, "2026-01-01")])))).toEqual(["a", 6]);
  });

  it("follows a document to the job that runs it again, and is not called back by the old one", () => {
    const again = reduce(first, changes([job("b", 1, "2026-01-02")]));
    expect(shown(again)).toEqual(["b", 1]);
    expect(shown(reduce(again, changes([job("a", 9, "2026-01-01")])))).toEqual(["b", 1]);
  });

  it("lets go of what is gone, goes back only by a reset, and begins anew with a snapshot", () => {
    expect(shown(reduce(first, changes([], { gone: ["a"] })))).toEqual([null, null]);
    expect(shown(reduce(first, changes([job("a", 2, "2026-01-01")], { reset: true })))).toEqual(["a", 2]);
    expect(shown(reduce(first, changes([], { snapshot: true })))).toEqual([null, null]);
  });
});
