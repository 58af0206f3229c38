import Database from "libsql";

/** A Markdown document as text, without its markup. */
export interface ParsedDocument {
  readonly title: string;
  readonly paragraphs: readonly string[];
}

/** Reads Markdown: the first heading is the title, code fences and markup go. */
export function parse(markdown: string): ParsedDocument {
  const title = /^#+ +(.+)$/m.exec(markdown)?.[1] ?? "";
  const text = markdown
    .replace(/^```[\s\S]*?^```/gm, "")
    .replace(/!?\[([^\]]*)\]\([^)]*\)/g, "$1")
    .replace(/[*_`>#|]/g, " ");
  const paragraphs = text.split(/\n\s*\n/).map((paragraph) => paragraph.replace(/\s+/g, " ").trim());
  return { title, paragraphs: paragraphs.filter((paragraph) => paragraph !== "") };
}

const CHUNK_WORDS = 60;

/** Joins paragraphs into chunks of about sixty words: what a search would show. */
export function chunk(document: ParsedDocument): readonly string[] {
  const chunks: string[] = [];
  const words: string[] = [];
  for (const paragraph of document.paragraphs) {
    words.push(...paragraph.split(" "));
    while (words.length >= CHUNK_WORDS) chunks.push(words.splice(0, CHUNK_WORDS).join(" "));
  }
  if (words.length > 0) chunks.push(words.join(" "));
  return chunks;
}

/** The words of a chunk that a search may ask for. */
export function termsOf(text: string): ReadonlySet<string> {
  return new Set(text.toLowerCase().match(/\p{L}[\p{L}\p{N}-]{2,}/gu) ?? []);
}

/** A full-text index in a SQLite file of its own. */
export interface SearchIndex {
  /** Removes what an earlier attempt may have left of a document. */
  clear(path: string): void;
  add(path: string, position: number, text: string): void;
  chunksOf(path: string): number;
  search(term: string): readonly { readonly path: string; readonly hits: number }[];
  close(): void;
}

export function openIndex(file: string): SearchIndex {
  const db = new Database(file);
  // A lost index is made again from the documents, so it need not be synced.
  db.exec(`pragma journal_mode = wal; pragma synchronous = off; pragma busy_timeout = 5000;
    create table if not exists chunk (path text, position integer, text text, primary key (path, position));
    create table if not exists posting (term text, path text, position integer, primary key (term, path, position));`);
  const insertChunk = db.prepare("insert into chunk values (?, ?, ?)");
  const insertPosting = db.prepare("insert into posting values (?, ?, ?)");
  return {
    clear(path) {
      db.prepare("delete from chunk where path = ?").run([path]);
      db.prepare("delete from posting where path = ?").run([path]);
    },
    add(path, position, text) {
      db.transaction(() => {
        insertChunk.run([path, position, text]);
        for (const term of termsOf(text)) insertPosting.run([term, path, position]);
      })();
    },
    chunksOf: (path) =>
      (db.prepare("select count(*) as n from chunk where path = ?").get([path]) as { n: number }).n,
    search: (term) =>
      db
        .prepare(
          "select path, count(*) as hits from posting where term = ? group by path order by hits desc, path limit 3",
        )
        .all([term]) as { path: string; hits: number }[],
    close() {
      db.close();
    },
  };
}
