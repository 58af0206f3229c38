import pg from "pg";
import { END_MARK, type Peer } from "../peer.js";
import { bullmqModule, bullmqSide } from "./bullmq.js";

export const bullmqPostgres: Peer = {
  name: "BullMQ on Postgres",
  engine: "postgres",
  package: "bullmq",
  settings: [
    "createPostgresBackend, migrated by runMigrations; Queue and Worker with their defaults: lockDuration 30 s, " +
      "stalledInterval 30 s, maxStalledCount 1; attempts 3",
  ],
  keeps: "outcome",
  completion: END_MARK,
  open: async ({ port }) => {
    const bullmq = await bullmqModule();
    const connection = `postgres://postgres@127.0.0.1:${port}/postgres`;
    return bullmqSide(bullmq, { connection }, bullmq.createPostgresBackend, async () => {
      const client = new pg.Client(connection);
      await client.connect();
      try {
        await bullmq.runMigrations(client);
      } finally {
        await client.end();
      }
    });
  },
};
