import { execFile, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Question, Told } from "./ipc.ts";

/** A process of the bench: a server under test or a client. */
export interface BenchChild<Self> extends AsyncDisposable {
  /** What it told of itself when it was up. */
  readonly self: Self;
  /** Asks and waits; rejects when it fails or ends. */
  ask<T>(name: string, options?: object): Promise<T>;
}

export interface ChildOptions {
  readonly args?: readonly string[];
  readonly nodeFlags?: readonly string[];
  /** Open files it may need; the limit is raised as far as the system lets it. */
  readonly openFiles?: number;
}

const raiseAndRun = 'ulimit -n "$0" 2>/dev/null; exec "$@"';

/** Starts `script` (relative to bench/) in a Node of its own and waits until it is up. */
export async function startChild<Self>(script: string, options: ChildOptions = {}): Promise<BenchChild<Self>> {
  const path = fileURLToPath(new URL(script, import.meta.url));
  const node = [process.execPath, ...(options.nodeFlags ?? []), path, ...(options.args ?? [])];
  const [command = "", ...args] =
    options.openFiles === undefined ? node : ["sh", "-c", raiseAndRun, String(options.openFiles), ...node];
  const child = spawn(command, args, { stdio: ["ignore", "inherit", "inherit", "ipc"] });
  const waiting = new Map<number | null, PromiseWithResolvers<unknown>>();
  const exited = Promise.withResolvers<void>();
  let lastId = 0;

  const expect = (id: number | null): Promise<unknown> => {
    const pending = Promise.withResolvers<unknown>();
    waiting.set(id, pending);
    return pending.promise;
  };
  child.on("message", (message) => {
    const { id, value, error } = message as Told;
    const pending = waiting.get(id);
    waiting.delete(id);
    if (error === undefined) pending?.resolve(value);
    else pending?.reject(new Error(`${script}: ${error}`));
  });
  child.on("exit", (code, signal) => {
    for (const pending of waiting.values()) pending.reject(new Error(`${script} ended (${code ?? signal})`));
    waiting.clear();
    exited.resolve();
  });
  const self = (await expect(null)) as Self;
  return {
    self,
    async ask<T>(name: string, questionOptions: object = {}) {
      const question: Question = { id: ++lastId, name, options: questionOptions };
      const answered = expect(question.id);
      child.send(question);
      return (await answered) as T;
    },
    [Symbol.asyncDispose]() {
      if (child.connected) child.disconnect();
      return exited.promise;
    },
  };
}

/** How many open files a process may have here once `wanted` was asked for. */
export async function openFilesLimit(wanted: number): Promise<number> {
  const { stdout } = await promisify(execFile)("sh", ["-c", `ulimit -n ${wanted} 2>/dev/null; ulimit -Hn`]);
  return stdout.trim() === "unlimited" ? wanted : Number(stdout);
}
