// Loaded before the tests. Node 20 calls its mock timers experimental; other warnings are told.
process.removeAllListeners("warning");
process.on("warning", (warning) => {
  if (warning.name !== "ExperimentalWarning") console.error(warning.stack);
});
