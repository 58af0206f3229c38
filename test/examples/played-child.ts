// A process of a run: it says who it is.
setInterval(() => undefined, 60_000);
console.log(process.pid);
