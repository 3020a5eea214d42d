/** Loaded into a server under test: collects its garbage when asked to, and says how many megabytes of its heap are left. */
process.on('message', () => {
  globalThis.gc?.({ type: 'major', execution: 'sync', flavor: 'last-resort' })
  process.send?.(process.memoryUsage().heapUsed / 1_048_576)
})
// Listening to who started it keeps it from ending no longer than its work does.
process.channel?.unref()
