import { spawn } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";

/** A program under test. Its output is kept: a failing wait shows the end of it. */
export interface Child {
  readonly pid: number;
  /** Every line it wrote so far, standard output and error together. */
  readonly lines: readonly string[];
  /** Resolves with the first line that matches, of those written already or to come. */
  line(matches: (line: string) => boolean, what: string): Promise<string>;
  /** Resolves with its exit code, or the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals>;
  /** Ends it by its pid, SIGTERM first, and waits for its end. */
  close(): Promise<void>;
  /** Ends it without a warning (SIGKILL) and waits for its end. */
  kill(): Promise<void>;
}

export interface ChildOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

const lineTimeoutMs = 30_000;
const endTimeoutMs = 15_000;

/** Starts a program; rejects when it cannot be run at all. */
export async function startChild(command: string, args: readonly string[], options: ChildOptions = {}): Promise<Child> {
  const child = spawn(command, args, {
    env: { ...process.env, ...options.env },
    stdio: ["ignore", "pipe", "pipe"],
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  });
  await new Promise<void>((resolve, reject) => {
    child.once("spawn", resolve);
    child.once("error", reject);
  });
  const lines: string[] = [];
  const listeners = new Set<(line: string) => void>();
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on("line", (line) => {
      lines.push(line);
      for (const listener of listeners) listener(line);
    });
  }
  const ended = new Promise<number | NodeJS.Signals>((resolve) => {
    child.once("exit", (code, signal) => resolve(code ?? signal ?? 0));
  });
  const tail = (): string => lines.slice(-30).join("\n");

  function line(matches: (line: string) => boolean, what: string): Promise<string> {
    const known = lines.find(matches);
    if (known !== undefined) return Promise.resolve(known);
    return new Promise((resolve, reject) => {
      const fail = (why: string): void => {
        stop();
        reject(new Error(`${command}: no ${what} (${why})\n${tail()}`));
      };
      const timer = setTimeout(() => fail("time is up"), lineTimeoutMs);
      const listener = (text: string): void => {
        if (!matches(text)) return;
        stop();
        resolve(text);
      };
      const stop = (): void => {
        clearTimeout(timer);
        listeners.delete(listener);
      };
      listeners.add(listener);
      void ended.then((code) => fail(`it ended with ${code}`));
    });
  }

  async function end(signal: NodeJS.Signals): Promise<void> {
    if (child.exitCode === null && child.signalCode === null) child.kill(signal);
    const patience = new AbortController();
    const late = delay(endTimeoutMs, "late" as const, { signal: patience.signal }).catch(() => "over" as const);
    const outcome = await Promise.race([ended, late]);
    patience.abort();
    if (outcome !== "late") return;
    child.kill("SIGKILL");
    await ended;
    throw new Error(`${command} did not end on ${signal}\n${tail()}`);
  }

  return { pid: child.pid ?? 0, lines, line, ended, close: () => end("SIGTERM"), kill: () => end("SIGKILL") };
}

/**
 * The command with that resolver in place of this machine's (undefined: as it is), for programs that read no other file
 * than /etc/resolv.conf. Needs to be root.
 */
export async function withNames(
  directory: string,
  resolver: string | undefined,
  [command, ...args]: readonly [string, ...string[]],
): Promise<{ readonly command: string; readonly args: readonly string[] }> {
  if (resolver === undefined) return { command, args };
  const file = join(directory, "resolv.conf");
  await writeFile(file, `nameserver ${resolver}\n`);
  // In mounts of its own; `exec` keeps the pid.
  const script = 'mount --bind "$0" /etc/resolv.conf && exec "$@"';
  return { command: "unshare", args: ["--mount", "sh", "-c", script, file, command, ...args] };
}

const firstBlock = 20_000;
const blocks = 127;
const portsPerBlock = 100;
let ownBlock: Promise<number> | undefined;
let portsGiven = 0;

/**
 * A port of 127.0.0.1 nobody listens on right now. Not one of those the kernel gives to whoever connects or asks for
 * any: it would be taken before its owner comes, or comes back. Nor one that another test process may be given meanwhile.
 */
export async function freePort(): Promise<number> {
  const block = await (ownBlock ??= claimBlock());
  for (let tried = 0; tried < 10 * portsPerBlock; tried++) {
    const port = block + 1 + (portsGiven++ % (portsPerBlock - 1));
    const probe = await listenAt(port);
    if (probe === undefined) continue;
    await new Promise((resolve) => probe.close(resolve));
    return port;
  }
  throw new Error(`every port from ${block + 1} to ${block + portsPerBlock - 1} is taken`);
}

/** A hundred ports for this process: to listen on the first of them, as long as it lives, is the claim. */
async function claimBlock(): Promise<number> {
  for (let tried = 0; tried < blocks; tried++) {
    const block = firstBlock + ((process.pid + tried) % blocks) * portsPerBlock;
    const claim = await listenAt(block);
    if (claim === undefined) continue;
    claim.unref();
    return block;
  }
  throw new Error("no block of ports is free");
}

/** undefined where somebody listens already. */
function listenAt(port: number): Promise<Server | undefined> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once("error", () => resolve(undefined));
    server.listen(port, "127.0.0.1", () => resolve(server));
  });
}

/**
 * An address of this machine that no other test file uses. What is published at a port of 127.0.0.1 may find it taken at
 * its next start: while a container is stopped, anybody who asks for some port may be given that one.
 */
export const ownHost = `127.${64 + ((process.pid >> 16) & 63)}.${(process.pid >> 8) & 255}.${process.pid & 255}`;

/** Asks every 25 ms until `ask` says something other than undefined; for outsiders that tell nobody of a change. */
export async function until<T>(what: string, ask: () => Promise<T | undefined>, patienceMs = 60_000): Promise<T> {
  const deadline = performance.now() + patienceMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (performance.now() > deadline) throw new Error(`waited ${patienceMs} ms in vain: ${what}`);
    await delay(25);
  }
}
