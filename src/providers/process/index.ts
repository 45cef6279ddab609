import type { Clock } from "../../core/clock.ts";
import { NodoffError } from "../../core/errors.ts";
import type { Logger } from "../../core/logger.ts";
import type { Change, IoOptions, OpenConnection, Provider, ProviderObserver } from "../../core/provider.ts";
import type { ProcessDefinition } from "./definition.ts";
import { allPids, createMembers } from "./proc.ts";
import { createRun } from "./run.ts";
import type { Run } from "./run.ts";

export type { ProcessDefinition } from "./definition.ts";

export interface ProcessProviderOptions {
  /** The name under `providers:`. */
  readonly name: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** By ref, which is the workload's alias. */
  readonly definitions: ReadonlyMap<string, ProcessDefinition>;
  /** The environment every process gets, before its own `env`. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** `process.kill`. */
  readonly kill: (pid: number, signal: number) => void;
}

export interface ProcessProvider extends Provider {
  /**
   * Adds or changes a definition; a changed one counts from the next start. null removes it, and ends what runs of it.
   */
  define(ref: string, definition: ProcessDefinition | null): void;
}

const stopTimeoutMs = 10_000;
const relistMs = 60_000;
const never = new AbortController().signal;

/**
 * Runs commands as workloads, each in a process group of its own. They are this provider's children: `close` ends them.
 * Killed with SIGKILL, nodoff leaves them running and, started again, does not know them: there is no portable way to
 * tie them to it. A freeze or thaw by somebody else's signal is not seen.
 */
export function createProcessProvider(options: ProcessProviderOptions): ProcessProvider {
  const { name, clock, env, kill } = options;
  const logger = options.logger.child({ provider: name });
  const members = createMembers(clock);
  const runs = new Map<string, Run>();
  /** With what ends their periodic lists. */
  const observers = new Map<ProviderObserver, { cancel: () => void }>();
  /** Ends under way of workloads that are no longer defined. */
  const ending = new Set<Promise<void>>();
  let closed = false;

  const changed = (change: Change): void => {
    for (const observer of observers.keys()) observer.changed(change);
  };
  const toRun = (ref: string, definition: ProcessDefinition): Run => {
    const run: Run = createRun(ref, definition, {
      clock,
      env,
      kill,
      members,
      // Once removed it has been told as deleted: how it ends concerns nobody.
      changed: (change) => (runs.get(ref) === run ? changed(change) : undefined),
    });
    return run;
  };
  const looks = () => [...runs.values()].map((run) => run.look());
  const relist = (): void => {
    for (const observer of observers.keys()) observer.listed(looks());
  };
  const stop = (run: Run): Promise<void> => run.stop({ signal: never, stopSignal: null, timeoutMs: stopTimeoutMs });
  /** Checks what every call must: open, not aborted, known. */
  const need = (ref: string, { signal }: IoOptions): Run => {
    check(signal);
    const run = runs.get(ref);
    if (run === undefined) throw new NodoffError("GONE", `${name} has no process ${ref}`);
    return run;
  };
  const check = (signal: AbortSignal): void => {
    if (closed) throw new NodoffError("SHUTTING_DOWN", `${name} is closed`);
    if (signal.aborted) throw new NodoffError("PROVIDER_UNAVAILABLE", "asked too late", { cause: signal.reason });
  };

  const connections = async (ref: string, io: IoOptions): Promise<readonly OpenConnection[]> => {
    const run = need(ref, io);
    // As with every engine: nobody is served by what is frozen.
    return run.look().power === "running" ? ((await run.usage()?.connections()) ?? []) : [];
  };

  for (const [ref, definition] of options.definitions) runs.set(ref, toRun(ref, definition));
  return {
    name,
    type: "process",
    capabilities: { pause: true, kill: true, logs: true, health: false, discovers: false },
    // Other systems have no /proc to look at.
    ...(allPids().length > 0 && { insight: { connections } }),
    define(ref, definition) {
      const run = runs.get(ref);
      if (definition !== null) {
        if (run === undefined) runs.set(ref, toRun(ref, definition));
        else run.definition = definition;
        return relist();
      }
      if (run === undefined) return;
      runs.delete(ref);
      changed({ kind: "deleted", refs: [ref], at: clock.wall() });
      const end = stop(run).finally(() => ending.delete(end));
      ending.add(end);
    },
    async list({ signal }) {
      check(signal);
      return looks();
    },
    async inspect(ref, { signal }) {
      check(signal);
      return runs.get(ref)?.look();
    },
    async start(ref, io) {
      const run = need(ref, io);
      await run.start(io.signal);
      logger.debug("process started", { key: ref, id: run.look().id });
    },
    async stop(ref, { signal, stopSignal, timeoutMs }) {
      await need(ref, { signal }).stop({ signal, stopSignal, timeoutMs: timeoutMs ?? stopTimeoutMs });
    },
    async kill(ref, { signal, stopSignal }) {
      await need(ref, { signal }).stop({ signal, stopSignal: stopSignal ?? "SIGKILL", timeoutMs: null });
    },
    async pause(ref, io) {
      need(ref, io).pause();
    },
    async resume(ref, io) {
      need(ref, io).resume();
    },
    async logs(ref, io) {
      return need(ref, io).tail(io.lines);
    },
    async *follow(ref, io) {
      yield* need(ref, io).follow(io);
    },
    async counters(ref, io) {
      return need(ref, io).usage()?.counters() ?? {};
    },
    async address(ref, { port }, io) {
      need(ref, io);
      if (port === null) throw new NodoffError("NO_PORT", `${ref} is a process: name its port or upstream`);
      return { host: "127.0.0.1", port };
    },
    watch(observer) {
      const entry = { cancel: (): void => undefined };
      let open = true;
      const tick = (): void => {
        entry.cancel = clock.after(relistMs, () => {
          observer.listed(looks());
          tick();
        });
      };
      // As with every engine: nothing is told before `watch` has returned.
      queueMicrotask(() => {
        if (!open || closed) return;
        observers.set(observer, entry);
        observer.link(null);
        observer.listed(looks());
        tick();
      });
      return {
        async close() {
          open = false;
          observers.delete(observer);
          entry.cancel();
        },
      };
    },
    async close() {
      closed = true;
      await Promise.all([...ending, ...[...runs.values()].map(stop)]);
      for (const { cancel } of observers.values()) cancel();
      observers.clear();
    },
  };
}
