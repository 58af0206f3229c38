// A worker process. Runs until it is told to stop.
import { openWaybill } from "./open-waybill.js";
import { textAnalysis } from "./text-analysis.job.js";

/** What a grown-up reads in a minute. */
const WORDS_A_MINUTE = 240;

const handler = textAnalysis.handle(({ input }) => {
  const words = input.text.toLowerCase().match(/[\p{L}\p{N}'-]+/gu) ?? [];
  const times = new Map<string, number>();
  for (const word of words) times.set(word, (times.get(word) ?? 0) + 1);
  const ranked = [...times]
    .map(([word, count]) => ({ word, times: count }))
    .sort((a, b) => b.times - a.times);
  return {
    words: words.length,
    distinct: times.size,
    readingSeconds: Math.ceil((words.length / WORDS_A_MINUTE) * 60),
    frequent: ranked.slice(0, 5),
  };
});

const { waybill, close } = await openWaybill();
const stop = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => {
    stop.abort();
  });
}
console.log("working");
await waybill.worker([handler], { pollIntervalMs: 200 }).run({ signal: stop.signal });
await close();
