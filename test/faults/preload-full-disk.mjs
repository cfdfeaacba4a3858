// Loaded into a process whose files may not grow beyond a limit: a write beyond it fails, instead of ending the process.

process.on('SIGXFSZ', () => {});
