import assert from "node:assert/strict";
import type { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { sampleJob } from "../../../src/testing/sample-jobs.js";
import type { DynamoDbPlace } from "../dynamodb-engine.js";
import { changes, type DynamoDbTest } from "./place.js";

const NONSENSE = { S: "NONSENSE" };

/** A client that changes a job and does not hear of it, once; `meanwhile` happens before it asks again. */
function losingOneAnswer(
  place: DynamoDbPlace,
  id: string,
  meanwhile: () => Promise<unknown> = async () => undefined,
): DynamoDBClient {
  const isChange = changes("UpdateItem", id);
  let isLost = false;
  return new Proxy(place.client(), {
    get: (target, property) => {
      if (property !== "send") return Reflect.get(target, property) as unknown;
      return async (command: Parameters<DynamoDBClient["send"]>[0]): Promise<unknown> => {
        const answer = await target.send(command);
        const name = command.constructor.name.replace(/Command$/, "");
        if (isLost || !isChange(name, command.input as unknown as Record<string, unknown>)) return answer;
        isLost = true;
        await meanwhile();
        throw Object.assign(new Error("lost"), { name: "InternalServerError" });
      };
    },
  });
}

/** What cannot be read, cannot be reached, or is not heard of. */
export const TROUBLE: Readonly<Record<string, DynamoDbTest>> = {
  "tells of what cannot be read wherever it is met, and of nothing else": async (probe, table) => {
    const { record } = await probe.awaiting({ id: "job-1" });
    const now = await probe.now();
    const found = { ...probe.at, kind: record.kind, refKey: "ref-1" };
    const ask = async () => [
      await probe.store.list({ ...probe.at, limit: 10 }),
      await probe.store.byRef(found),
      await probe.store.takeDue({ ...probe.at, limit: 10, holdMs: 0 }),
    ];
    await probe.advance({ id: "job-1", wakeAt: now - 1 });
    for (const answer of await ask()) {
      assert.equal(answer.jobs.length, 1);
      assert.equal(Object.hasOwn(answer, "unreadable"), false);
    }
    await table.set("job-1", "status", NONSENSE);
    for (const answer of await ask()) assert.deepEqual([answer.jobs, answer.unreadable], [[], ["job-1"]]);
  },

  "keeps what is past its time and cannot be read": async (probe, table) => {
    const now = await probe.now();
    await probe.given(sampleJob({ id: "job-1", status: "COMPLETED", purgeAt: now - 1 }, now));
    await table.set("job-1", "status", NONSENSE);
    assert.equal((await probe.store.purge({ ...probe.at, limit: 10, parkedBefore: 0 })).jobs, 0);
    assert.notEqual(await table.item("job-1"), null);
  },

  "serves what it took beside what it could not reach, and tells of that where it is alone": async (
    probe,
    _,
    place,
  ) => {
    const now = await probe.now();
    for (const id of ["job-1", "job-2"]) await probe.given(sampleJob({ id, wakeAt: now - 1 }, now));
    const isChange = changes("UpdateItem", "job-1");
    const client = place.client(async (command, input) => {
      if (isChange(command, input)) throw new Error("The connection is lost.");
    });
    const cut = probe.through(place.open({ client }));
    assert.deepEqual(
      (await cut.takeDue()).map(({ record }) => record.id),
      ["job-2"],
    );
    await assert.rejects(cut.takeDue(), { code: "store.unavailable" });
  },

  "serves what it took where it did not hear of it, and nothing that has changed since": async (
    probe,
    table,
    place,
  ) => {
    const now = await probe.now();
    const taken = async (id: string, meanwhile?: () => Promise<unknown>) => {
      await probe.given(sampleJob({ id, wakeAt: now - 1 }, now));
      const client = losingOneAnswer(place, id, meanwhile);
      const jobs = await probe.through(place.open({ client })).takeDue();
      return jobs.map(({ record }) => record.id);
    };
    assert.deepEqual(await taken("heard-late"), ["heard-late"]);
    assert.deepEqual(await taken("moved", () => table.set("moved", "wakeKey", { S: "9" })), []);
    assert.deepEqual(await taken("removed", () => table.remove("removed", "job")), []);
  },
};
