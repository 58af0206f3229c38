// A process of its own that writes into a journal without end. Each line of its output is a key, written when its commit
// was answered. It ends when a commit is refused.
import { openJournal } from "../../examples/small-store/journal.js";

const [folder = "", name = ""] = process.argv.slice(2);
const journal = await openJournal(folder);
process.stdout.write("open\n");
for (let count = 0; ; count += 1) {
  const key = `${name}/${String(count)}`;
  await journal.commit({ checks: new Map([[key, null]]), changes: new Map([[key, "value"]]) });
  process.stdout.write(`${key}\n`);
}
