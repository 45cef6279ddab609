import { constants } from "node:os";
import type { Clock } from "../../core/clock.ts";
import { NodoffError } from "../../core/errors.ts";
import type { Change, FollowOptions, Look } from "../../core/provider.ts";
import { signalNumber } from "../stop-signal.ts";
import type { ProcessDefinition } from "./definition.ts";
import { spawnGroup } from "./group.ts";
import type { ProcessGroup, SpawnOptions } from "./group.ts";
import { createOutputRing } from "./output.ts";
import { createUsage } from "./proc.ts";
import type { Members, Usage } from "./proc.ts";

export interface RunDeps extends Pick<SpawnOptions, "env" | "kill"> {
  readonly clock: Clock;
  readonly members: Members;
  readonly changed: (change: Change) => void;
}

export interface StopHow {
  readonly signal: AbortSignal;
  readonly stopSignal: string | null;
  /** null: no second signal ever. */
  readonly timeoutMs: number | null;
}

/** One workload: a definition and, while it is awake, the processes started from it. */
export interface Run {
  definition: ProcessDefinition;
  look(): Look;
  start(signal: AbortSignal): Promise<void>;
  /** Ends when nothing of it runs any more, or `signal` aborts (the stop itself goes on). */
  stop(how: StopHow): Promise<void>;
  pause(): void;
  resume(): void;
  tail(lines: number): readonly string[];
  follow(options: FollowOptions): AsyncIterable<string>;
  /** What it uses; undefined while it does not run. */
  usage(): Usage | undefined;
}

interface Alive {
  readonly group: ProcessGroup;
  readonly usage: Usage;
  paused: boolean;
  /** A signal that asks it to end was sent by us. */
  asked: boolean;
  /** The command has ended, its children perhaps not yet. */
  exiting: boolean;
  /** When whatever is left is killed; null = not planned. */
  killAt: number | null;
  /** Resolves once all of the group is gone, or cannot be got rid of. */
  readonly ended: Promise<void>;
}

const { SIGTERM, SIGKILL, SIGSTOP, SIGCONT } = constants.signals;
/** What the kernel needs to remove killed processes. */
const reapMs = 300;

export function createRun(ref: string, first: ProcessDefinition, deps: RunDeps): Run {
  const { clock } = deps;
  const output = createOutputRing();
  let incarnation = 0;
  let starting: Promise<void> | null = null;
  let alive: Alive | null = null;
  let startedAt: number | null = null;
  let exitCode: number | null = null;
  let error: string | null = null;
  const refs = [ref];

  /** The command has ended: what it started goes with it, or the next start would meet its ports taken. */
  const sweep = async (group: ProcessGroup, killAt: number): Promise<void> => {
    for (let gapMs = 10; group.isAlive() && clock.now() < killAt + reapMs; gapMs = Math.min(200, gapMs * 2)) {
      if (clock.now() >= killAt) group.signal(SIGKILL);
      const tick = Promise.withResolvers<void>();
      clock.after(gapMs, tick.resolve);
      await tick.promise;
    }
  };
  const follow = (group: ProcessGroup): Alive => {
    const { promise: ended, resolve } = Promise.withResolvers<void>();
    const usage = createUsage(deps.members, group.pid);
    const entry: Alive = { group, usage, paused: false, asked: false, exiting: false, killAt: null, ended };
    void group.exited.then(async ({ code }) => {
      const { asked } = entry;
      entry.exiting = true;
      // Only after a stop do its children get the rest of the time to end by themselves.
      await sweep(group, asked ? (entry.killAt ?? clock.now()) : clock.now());
      alive = null;
      exitCode = code;
      deps.changed({ kind: "exited", refs, at: clock.wall(), asked, exitCode: code, restarts: false });
      resolve();
    });
    return entry;
  };
  const spawn = async (definition: ProcessDefinition): Promise<void> => {
    try {
      const group = await spawnGroup(definition, {
        env: deps.env,
        kill: deps.kill,
        onOutput: (text, isEnd) => (isEnd ? output.end() : output.write(text)),
      });
      incarnation++;
      startedAt = clock.wall();
      exitCode = null;
      error = null;
      alive = follow(group);
      deps.changed({ kind: "started", refs, at: startedAt });
    } catch (reason) {
      error = (reason as Error).message;
      throw reason;
    }
  };
  const signalOf = (name: string | null, fallback: number): number => {
    if (name === null) return fallback;
    const number = signalNumber(name);
    if (number === undefined) throw new NodoffError("ENGINE_ERROR", `${name} is no signal`);
    return number;
  };
  const need = (): Alive => {
    if (alive === null || alive.exiting) throw new NodoffError("ENGINE_ERROR", `${ref} is not running`);
    return alive;
  };

  const run: Run = {
    definition: first,
    look: () => ({
      refs,
      id: `${ref}#${incarnation}`,
      power: alive === null ? "stopped" : alive.paused ? "paused" : "running",
      startedAt,
      exitCode,
      error,
      health: "none",
      labels: {},
      refusal: null,
      warnings: [],
    }),
    start(signal) {
      const current = alive;
      if (starting === null && current !== null) {
        if (current.paused)
          return Promise.reject(new NodoffError("ENGINE_ERROR", `${ref} is paused: resume it instead`));
        if (!current.asked && !current.exiting) return Promise.resolve();
      }
      // What is on its way out must be gone first.
      starting ??= (current?.ended ?? Promise.resolve())
        .then(() => spawn(run.definition))
        .finally(() => {
          starting = null;
        });
      return untilAborted(starting, signal, "it could not be started in time");
    },
    async stop({ signal, stopSignal, timeoutMs }) {
      const number = signalOf(stopSignal, SIGTERM);
      // A start under way must not survive the stop that came after it.
      if (starting !== null) await starting.catch(() => undefined);
      const current = alive;
      if (current === null) return;
      current.asked = true;
      current.group.signal(number);
      // What is frozen gets its signal only once it runs.
      if (current.paused && number !== SIGKILL) current.group.signal(SIGCONT);
      current.paused = false;
      if (timeoutMs !== null) {
        current.killAt = clock.now() + timeoutMs;
        const cancel = clock.after(timeoutMs, () => current.group.signal(SIGKILL));
        void current.ended.then(cancel);
      }
      try {
        await untilAborted(current.ended, signal, "it did not end in time");
      } catch (reason) {
        // Nobody follows it up: it lives on.
        if (current.killAt === null) current.asked = false;
        throw reason;
      }
    },
    pause() {
      const current = need();
      if (current.paused) return;
      current.group.signal(SIGSTOP);
      current.paused = true;
      deps.changed({ kind: "paused", refs, at: clock.wall() });
    },
    resume() {
      const current = need();
      if (!current.paused) return;
      current.group.signal(SIGCONT);
      current.paused = false;
      deps.changed({ kind: "resumed", refs, at: clock.wall() });
    },
    tail: output.tail,
    follow: output.follow,
    usage: () => alive?.usage,
  };
  return run;
}

function untilAborted(work: Promise<void>, signal: AbortSignal, message: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const onAbort = (): void => reject(new NodoffError("PROVIDER_UNAVAILABLE", message, { cause: signal.reason }));
  if (signal.aborted) onAbort();
  else signal.addEventListener("abort", onAbort, { once: true });
  work
    .then(resolve, reject)
    .finally(() => signal.removeEventListener("abort", onAbort))
    .catch(() => undefined);
  return promise;
}
