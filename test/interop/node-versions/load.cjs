// Entries that need no peer, by `require`.
const entries = [
  "waybill",
  "waybill/http",
  "waybill/client",
  "waybill/lambda",
  "waybill/store-kit",
  "waybill/webhook/verify",
];
for (const entry of entries)
  if (Object.keys(require(entry)).length === 0) throw new Error(`${entry} is empty`);
console.log(entries.length);
