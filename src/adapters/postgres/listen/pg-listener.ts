import type { PostgresChannelClient } from "../client/client.js";
import { type ListeningConnection, ListenLink } from "./listen-link.js";
import { Relistened } from "./relistened.js";

/** The part of a `Client` of `pg` that is used to listen. It is connected and ended by the listener. */
export interface PgListenerClient extends ListeningConnection {
  connect(): Promise<unknown>;
  end(): Promise<unknown>;
}

/**
 * Makes clients of `pg` a listener that outlives its connection: when one is lost the next is made and listens again.
 * A `Client` of `pg` cannot connect twice, so it takes how to make one. What is notified in between is not heard.
 *
 * @example
 * postgresStore({ client: pool, listen: listenOnPg(() => new pg.Client(url)) })
 */
export function listenOnPg(makeClient: () => PgListenerClient): PostgresChannelClient {
  const relistened = new Relistened();
  const source = {
    async open(heed: (client: PgListenerClient) => unknown): Promise<PgListenerClient> {
      const client = makeClient();
      // For good: an `error` that nobody hears ends the process, and it may come after the end.
      heed(client);
      try {
        await client.connect();
      } catch (error) {
        void client.end().catch(() => undefined);
        throw error;
      }
      return client;
    },
    async giveBack(client: PgListenerClient): Promise<void> {
      await client.end();
    },
  };
  return {
    onRelisten: relistened.on,
    listen: async (channel, onPayload) => {
      const link = new ListenLink(source, channel, { payload: onPayload, again: relistened.tell });
      await link.start();
      return () => link.stop();
    },
  };
}
