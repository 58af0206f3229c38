// What docs/testing.md shows: the tests of an application, as one would write them.
import { defineJob, PermanentError, type Waybill } from "waybill";
import { testWaybill } from "waybill/testing";
import { expect, it } from "vitest";
import { z } from "zod";

const charge = defineJob({
  kind: "charge",
  input: z.object({ orderId: z.string(), cents: z.number().int().positive() }),
  output: z.object({ receipt: z.string() }),
  subject: ({ orderId }) => `order:${orderId}`,
});

interface Bank {
  /** Asked again with the same key: the same receipt, and no second charge. */
  charge(cents: number, key: string): Promise<{ readonly refused: boolean; readonly receipt: string }>;
}

const charging = (bank: Bank) =>
  charge.handle(async ({ input, key }) => {
    const { refused, receipt } = await bank.charge(input.cents, key("charge"));
    if (refused) throw new PermanentError("The card was refused.", { expose: true });
    return { receipt };
  });

/** What an order page asks. */
async function order(waybill: Pick<Waybill<typeof charge>, "latest">, orderId: string): Promise<string> {
  const job = await waybill.latest(charge, `order:${orderId}`);
  if (job === null) return "not ordered";
  return job.status === "COMPLETED" ? job.output.receipt : job.message;
}

/** A bank that keeps what it was asked, and breaks as it is told. */
function fakeBank(answers: readonly ("paid" | "refused" | "down")[] = []) {
  const keys: string[] = [];
  const bank: Bank = {
    charge: async (cents, key) => {
      keys.push(key);
      const answer = answers[keys.length - 1] ?? "paid";
      if (answer === "down") throw new Error("The bank did not answer.");
      return { refused: answer === "refused", receipt: `${String(cents)} for ${key}` };
    },
  };
  return { bank, keys };
}

const ORDER = { orderId: "o-1", cents: 1_250 };

it("charges an order, and the order page shows the receipt", async () => {
  const { bank, keys } = fakeBank();
  await using waybill = testWaybill({ jobs: [charge], handlers: [charging(bank)] });
  await waybill.submit(charge, ORDER).unwrap();
  await waybill.settle();
  expect(await order(waybill, "o-1")).toBe(`1250 for ${keys[0] ?? ""}`);
});

it("tells people that a card was refused, and asks the bank once", async () => {
  const { bank, keys } = fakeBank(["refused"]);
  await using waybill = testWaybill({ jobs: [charge], handlers: [charging(bank)] });
  await waybill.submit(charge, ORDER).unwrap();
  await waybill.settle();
  expect(await order(waybill, "o-1")).toBe("The card was refused.");
  expect(keys).toHaveLength(1);
});

it("asks a bank that was down again, under the same key", async () => {
  const { bank, keys } = fakeBank(["down", "down"]);
  await using waybill = testWaybill({ jobs: [charge], handlers: [charging(bank)] });
  const { id } = await waybill.submit(charge, ORDER).unwrap();
  await waybill.advance(60_000);
  expect(await waybill.get(charge, id)).toMatchObject({ status: "COMPLETED", attempt: 3 });
  expect(keys).toEqual([keys[0], keys[0], keys[0]]);
});

it("charges once although the store is away when the charge is made", async () => {
  const { bank, keys } = fakeBank();
  const away: Bank = {
    charge: (cents, key) => {
      // The outcome of the first run can not be stored, and its lease ends meanwhile: the job is run again.
      if (keys.length === 0) waybill.fault.outage("store");
      return bank.charge(cents, key);
    },
  };
  await using waybill = testWaybill({ jobs: [charge], handlers: [charging(away)] });
  const { id } = await waybill.submit(charge, ORDER).unwrap();
  await waybill.advance(60_000);
  waybill.fault.heal();
  await waybill.advance(60_000);
  expect(await waybill.get(charge, id)).toMatchObject({ status: "COMPLETED", attempt: 2 });
  expect(keys).toEqual([keys[0], keys[0]]);
});

it("tells whoever waits, each change once and in order, though a push fails", async () => {
  const { bank } = fakeBank();
  await using waybill = testWaybill({ jobs: [charge], handlers: [charging(bank)] });
  waybill.notifier.failNext("retry");
  await waybill.submit(charge, ORDER).unwrap();
  await waybill.advance(60_000);
  const types = waybill.events(charge).map(({ type }) => type);
  expect(types).toEqual(["job.created", "job.queued", "job.started", "job.completed"]);
});
