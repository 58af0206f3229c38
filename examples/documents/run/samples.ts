// What people upload: small PDFs, one line a chunk, and one file that is none.

export interface Sample {
  /** As the application will call it: uploads are numbered in order. */
  readonly id: string;
  readonly user: "ana" | "ben";
  readonly name: string;
  readonly chunks: number;
}

export const SAMPLES: readonly Sample[] = [
  { id: "d-1", user: "ana", name: "lease.pdf", chunks: 42 },
  { id: "d-2", user: "ana", name: "annex.pdf", chunks: 8 },
  { id: "d-3", user: "ana", name: "terms.pdf", chunks: 42 },
  { id: "d-4", user: "ana", name: "offer.pdf", chunks: 12 },
  { id: "d-5", user: "ana", name: "minutes.pdf", chunks: 17 },
  { id: "d-6", user: "ben", name: "thesis.pdf", chunks: 30 },
  { id: "d-7", user: "ben", name: "notes.pdf", chunks: 23 },
  // A picture with the wrong ending.
  { id: "d-8", user: "ben", name: "scan.pdf", chunks: 0 },
];

export function bytesOf({ name, chunks }: Sample): Buffer {
  if (chunks === 0) return Buffer.from("\u0089PNG\r\n\u001A\nthis is a picture", "latin1");
  // A line has more than half of what a chunk may have, so each is a chunk of its own.
  const lines = Array.from({ length: chunks }, (_, index) => {
    const number = String(index + 1);
    return `(Paragraph ${number} of ${name}: the parties \\(both\\) agree that clause ${number} holds, and that whoever reads as far as this may stop reading here.) Tj T*`;
  });
  return pdfOf(lines.join("\n"));
}

function pdfOf(content: string): Buffer {
  const text = `BT /F1 10 Tf 12 TL 40 800 Td\n${content}\nET`;
  const objects = [
    "<< /Type /Catalog /Pages 2 0 R >>",
    "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
    "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",
    `<< /Length ${String(text.length)} >>\nstream\n${text}\nendstream`,
    "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
  ];
  const body = objects.map((object, index) => `${String(index + 1)} 0 obj\n${object}\nendobj\n`).join("");
  return Buffer.from(`%PDF-1.4\n${body}trailer << /Root 1 0 R >>\n%%EOF\n`, "latin1");
}
