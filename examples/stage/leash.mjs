// Loaded into every child before its own code: it ends when the process that started it is gone, however that ended.
if (process.channel) {
  process.on("disconnect", () => process.exit(1));
  // The channel alone does not keep a child alive whose work is done.
  process.channel.unref();
}
