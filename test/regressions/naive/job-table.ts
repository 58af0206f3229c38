// Part of the naive build: see job-runner.ts.
import type { Status } from "../support/system.js";
import type { Database, Row, Value } from "./database.js";

export const SCHEMA =
  "create table job (id text primary key, key text unique, status text not null, output text, worker text, " +
  "attempts integer not null, heartbeat_at bigint, finished_at bigint)";

export interface JobRow {
  readonly id: string;
  readonly key: string | null;
  readonly status: Status;
  readonly output: string | null;
  readonly worker: string | null;
  readonly attempts: number;
  readonly heartbeatAt: number | null;
  readonly finishedAt: number | null;
}

function jobOf(row: Row): JobRow {
  const instant = (value: unknown): number | null => (value === null ? null : Number(value));
  return {
    id: String(row["id"]),
    key: row["key"] as string | null,
    status: row["status"] as Status,
    output: row["output"] as string | null,
    worker: row["worker"] as string | null,
    attempts: Number(row["attempts"]),
    heartbeatAt: instant(row["heartbeat_at"]),
    finishedAt: instant(row["finished_at"]),
  };
}

/** The statements of the job table. */
export class JobTable {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  async insert(id: string, key: string | null): Promise<void> {
    await this.#db.query("insert into job (id, key, status, attempts) values (?, ?, 'PENDING', 0)", [
      id,
      key,
    ]);
  }

  async find(id: string): Promise<JobRow | null> {
    return this.#first("select * from job where id = ?", [id]);
  }

  async findByKey(key: string): Promise<JobRow | null> {
    return this.#first("select * from job where key = ?", [key]);
  }

  async nextQueued(): Promise<JobRow | null> {
    return this.#first("select * from job where status = 'QUEUED' order by id limit 1", []);
  }

  async setStatus(id: string, status: Status): Promise<void> {
    await this.#db.query("update job set status = ? where id = ?", [status, id]);
  }

  /** One of many workers gets it. */
  async claim(id: string, worker: string): Promise<boolean> {
    return this.#hit(
      "update job set status = 'PROCESSING', worker = ?, attempts = attempts + 1 " +
        "where id = ? and status = 'QUEUED' returning id",
      [worker, id],
    );
  }

  async heartbeat(id: string, now: number): Promise<void> {
    await this.#db.query("update job set heartbeat_at = ? where id = ?", [now, id]);
  }

  async complete(id: string, output: string, now: number): Promise<boolean> {
    return this.#hit(
      "update job set status = 'COMPLETED', output = ?, finished_at = ? where id = ? and status = 'PROCESSING' returning id",
      [output, now, id],
    );
  }

  async cancel(id: string, now: number): Promise<boolean> {
    return this.#hit(
      "update job set status = 'FAILED', finished_at = ? where id = ? and status in ('PENDING', 'QUEUED') returning id",
      [now, id],
    );
  }

  /** Workers that died: no sign of life since `before`. */
  async stale(before: number): Promise<readonly JobRow[]> {
    const rows = await this.#db.query(
      "select * from job where status = 'PROCESSING' and (heartbeat_at is null or heartbeat_at < ?)",
      [before],
    );
    return rows.map(jobOf);
  }

  async removeFinished(before: number): Promise<void> {
    await this.#db.query("delete from job where finished_at < ?", [before]);
  }

  /** Writes the whole object, as the `save` of an object mapper does. */
  async save(job: JobRow): Promise<void> {
    await this.#db.query(
      "insert into job (id, key, status, output, worker, attempts, heartbeat_at, finished_at) " +
        "values (?, ?, ?, ?, ?, ?, ?, ?) on conflict (id) do update set status = excluded.status, " +
        "output = excluded.output, worker = excluded.worker, attempts = excluded.attempts, " +
        "heartbeat_at = excluded.heartbeat_at, finished_at = excluded.finished_at",
      [job.id, job.key, job.status, job.output, job.worker, job.attempts, job.heartbeatAt, job.finishedAt],
    );
  }

  async #first(sql: string, params: readonly Value[]): Promise<JobRow | null> {
    const [row] = await this.#db.query(sql, params);
    return row === undefined ? null : jobOf(row);
  }

  async #hit(sql: string, params: readonly Value[]): Promise<boolean> {
    return (await this.#db.query(sql, params)).length > 0;
  }
}
