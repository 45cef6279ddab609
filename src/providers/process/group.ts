import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { existsSync } from "node:fs";
import { constants } from "node:os";
import { NodoffError } from "../../core/errors.ts";
import type { ProcessDefinition } from "./definition.ts";
import { allPids, readStat } from "./proc.ts";

/** How a group's first process ended: its exit code, or 128 + the signal's number as shells say it. */
export interface Exit {
  readonly code: number;
}

/** A command and all it starts, as one process group. */
export interface ProcessGroup {
  readonly pid: number;
  /** Resolves when the command itself has ended. Never rejects. */
  readonly exited: Promise<Exit>;
  /** Sends a signal to every process of the group; false when none is left. */
  readonly signal: (signal: number) => boolean;
  /** Whether a process of the group still runs; one that only waits to be reaped does not. */
  readonly isAlive: () => boolean;
}

export interface SpawnOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** `process.kill`: a negative pid means the group. Throws when there is nobody to signal. */
  readonly kill: (pid: number, signal: number) => void;
  readonly onOutput: (text: string, isEnd: boolean) => void;
}

/** Resolves once the command runs; rejects with BAD_COMMAND when it cannot be run. */
export function spawnGroup(definition: ProcessDefinition, options: SpawnOptions): Promise<ProcessGroup> {
  const [program, ...args] = definition.command;
  if (program === undefined) return Promise.reject(new NodoffError("BAD_COMMAND", "the command is empty"));
  const { promise, resolve, reject } = Promise.withResolvers<ProcessGroup>();
  const exit = Promise.withResolvers<Exit>();
  let child: ChildProcess;
  try {
    child = spawn(program, args, {
      cwd: definition.cwd ?? undefined,
      env: { ...options.env, ...definition.env },
      // A group of its own: signals reach what the command starts, and Ctrl-C at nodoff's terminal does not.
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
    });
  } catch (error) {
    // Refused before anything was run: a NUL byte in an argument.
    return Promise.reject(toBadCommand(definition, error));
  }
  child.once("error", (error) => reject(toBadCommand(definition, error)));
  child.once("exit", (code, signal) => exit.resolve({ code: code ?? 128 + (signal ? constants.signals[signal] : 0) }));
  child.once("spawn", () => {
    const { pid } = child;
    if (pid === undefined) return;
    const signal = (number: number): boolean => signalGroup(options.kill, pid, number);
    resolve({ pid, exited: exit.promise, signal, isAlive: () => signal(0) && hasLiving(pid) });
  });
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8");
    stream?.on("data", (text: string) => options.onOutput(text, false));
    stream?.on("error", () => undefined);
  }
  child.once("close", () => options.onOutput("", true));
  return promise;
}

function signalGroup(kill: SpawnOptions["kill"], pid: number, signal: number): boolean {
  try {
    kill(-pid, signal);
    return true;
  } catch {
    return false;
  }
}

/**
 * Orphans of the group are reaped by the machine's first process, which in a container often does not do it: signals
 * still reach such zombies, so only /proc tells. Where there is none, everything counts as living.
 */
function hasLiving(group: number): boolean {
  const pids = allPids();
  return pids.length === 0 || pids.some((pid) => isLivingIn(group, pid));
}

function isLivingIn(group: number, pid: number): boolean {
  const stat = readStat(pid);
  return stat !== undefined && stat.group === group && !"ZX".includes(stat.state);
}

function toBadCommand({ command, cwd }: ProcessDefinition, error: unknown): NodoffError {
  const program = command[0] ?? "";
  const code = (error as NodeJS.ErrnoException).code;
  const why =
    cwd !== null && !existsSync(cwd)
      ? `its folder ${cwd} does not exist`
      : code === "ENOENT"
        ? "there is no such program"
        : code === "EACCES"
          ? "it may not be run"
          : (error as Error).message;
  return new NodoffError("BAD_COMMAND", `${program} cannot be started: ${why}`, { cause: error });
}
