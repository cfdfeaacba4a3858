// Loaded into a process: on SIGUSR2 its event loop is blocked for BLOCKED_FOR_MS, as a bug or a huge document would. It
// sleeps meanwhile, for the other tests' sake.

process.on('SIGUSR2', () => {
  console.log('loop.blocked');
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, Number(process.env.BLOCKED_FOR_MS ?? 0));
  console.log('loop.free_again');
});
