// A process of a run: it says who it is, and ends when it is told to, unless it is stubborn.
process.on("SIGTERM", () => {
  if (process.env["STUBBORN"] !== "1") process.exit(0);
});
setInterval(() => undefined, 60_000);
console.log(process.pid);
