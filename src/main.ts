#!/usr/bin/env node
import { text } from "node:stream/consumers";
import { run } from "./cli/cli.ts";

// The only file that touches the process: everything below gets what it needs of it.
const stop = new AbortController();
for (const signal of ["SIGTERM", "SIGINT"] as const) {
  process.on(signal, () => {
    // Asked twice: whatever still keeps us is not worth waiting for.
    if (stop.signal.aborted) process.exit(1);
    stop.abort();
  });
}

// A script that reads our output may end before we do.
process.stdout.on("error", () => process.exit(1));

// Not awaited at the top: the bundle is CommonJS.
void run({
  argv: process.argv.slice(2),
  env: process.env,
  out: (line) => void process.stdout.write(`${line}\n`),
  err: (line) => void process.stderr.write(`${line}\n`),
  input: () => text(process.stdin),
  isTerminal: process.stdout.isTTY,
  stop: stop.signal,
  execPath: process.execPath,
  kill: (pid, signal) => void process.kill(pid, signal),
}).then((code) => (process.exitCode = code));
