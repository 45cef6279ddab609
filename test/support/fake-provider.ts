import type { Clock } from "../../src/core/clock.ts";
import { NodoffError } from "../../src/core/errors.ts";
import type {
  Address,
  Capabilities,
  Change,
  ComposePlace,
  Counters,
  EngineHealth,
  ExecResult,
  Insight,
  Look,
  OpenConnection,
  Power,
  Provider,
  ProviderObserver,
} from "../../src/core/provider.ts";

type Method = Exclude<keyof Provider, "name" | "type" | "capabilities" | "insight" | "watch" | "close"> | keyof Insight;

export interface FakeCall {
  readonly method: Method;
  /** null for `list`. */
  readonly ref: string | null;
  /** The clock's monotonic ms. */
  readonly at: number;
  readonly options: object;
}

/** What one workload of the fake is like; whatever is left out has a plain default. */
export interface FakeOptions {
  readonly power?: Power;
  /** More names than the one it was added under. */
  readonly refs?: readonly string[];
  readonly labels?: Readonly<Record<string, string>>;
  readonly health?: EngineHealth;
  readonly startedAt?: number;
  readonly createdAt?: number;
  readonly exitCode?: number;
  readonly error?: string;
  readonly refusal?: string;
  readonly warnings?: readonly string[];
  readonly address?: Address;
  readonly logs?: readonly string[];
  /** These are asked for anew at each call where they are functions; also while it does not run. */
  readonly counters?: Counters | (() => Counters);
  /** Answered only while it runs. */
  readonly connections?: readonly OpenConnection[] | (() => readonly OpenConnection[]);
  /** Answered only while it runs or is frozen. */
  readonly sessions?: readonly string[] | (() => readonly string[]);
  /** Default: exit code 0, no output. */
  readonly exec?: ExecResult | ((command: readonly string[]) => ExecResult);
  readonly compose?: ComposePlace;
  readonly sharesNetworkWith?: string;
  readonly ports?: readonly number[];
  /** Runs right after each start or resume took effect: crash it, open a port, … */
  readonly onStart?: () => void;
  /** Does not end by the stop signal: `stop` then lasts its whole timeout. */
  readonly ignoresStop?: boolean;
}

interface Workload {
  look: Look;
  readonly options: FakeOptions;
}

interface Script {
  readonly method: Method;
  readonly ref: string | null;
  times: number;
  /** Runs before the call takes effect, or after it. */
  readonly when: "before" | "after";
  readonly run: (signal: AbortSignal) => Promise<void>;
}

interface ScriptOptions {
  /** Only calls for this ref. */
  readonly ref?: string;
  /** How many calls it meets; default 1 for failures and hangs, all for delays. */
  readonly times?: number;
  /** `after`: the engine does it, only the answer fails or is late. */
  readonly when?: "before" | "after";
}

export interface FakeProvider extends Provider {
  readonly calls: readonly FakeCall[];
  /** Calls of `method`, of all refs or one. */
  count(method: Method, ref?: string): number;
  /** Creates it, or recreates it under a new id; watchers get a list. */
  add(ref: string, options?: FakeOptions): void;
  look(ref: string): Look | undefined;
  /** The next call of `method` rejects with `error`. */
  fail(method: Method, error: NodoffError, options?: ScriptOptions): void;
  /** Calls of `method` last `ms` longer by the clock. */
  delay(method: Method, ms: number, options?: ScriptOptions): void;
  /** The next call of `method` hangs until released or aborted. `begun` resolves when it hangs. */
  hang(method: Method, options?: ScriptOptions): { release(): void; readonly begun: Promise<void> };
  /** What somebody else, or the workload itself, does. Watchers are told at once unless the link is lost. */
  readonly outside: {
    start(ref: string): void;
    stop(ref: string): void;
    pause(ref: string): void;
    resume(ref: string): void;
    delete(ref: string): void;
    /** It ends by itself. `restarts`: the engine will start it again, so its power is `restarting`. */
    crash(ref: string, exitCode?: number, restarts?: boolean): void;
    health(ref: string, health: EngineHealth): void;
  };
  /** From now on every call rejects and watchers hear nothing but the loss. */
  lose(error?: NodoffError): void;
  /** Watchers hear that it is back and get a list; `replay` tells them the changes they missed, too. */
  back(options?: { readonly replay?: boolean }): void;
  /** Tells watchers the whole list again, as the 60 s watchdog does. */
  relist(): void;
}

const aborted = (signal: AbortSignal): NodoffError =>
  new NodoffError("PROVIDER_UNAVAILABLE", "the engine did not answer in time", { cause: signal.reason });

/** Resolves by `arm`'s callback, rejects when `signal` aborts; `arm` returns how to disarm. */
function until(signal: AbortSignal, arm: (done: () => void) => () => void): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const onAbort = (): void => {
    disarm();
    reject(aborted(signal));
  };
  const disarm = arm(() => {
    signal.removeEventListener("abort", onAbort);
    resolve();
  });
  if (signal.aborted) onAbort();
  else signal.addEventListener("abort", onAbort, { once: true });
  return promise;
}

function valueOf<T extends object>(value: T | (() => T)): T {
  return typeof value === "function" ? (value as () => T)() : value;
}

/** An engine in memory. Effects happen at the moment a call takes effect; watchers hear of them before it resolves. */
export function fakeProvider(deps: {
  readonly name?: string;
  readonly clock: Clock;
  readonly capabilities?: Partial<Capabilities>;
  /** What it can tell of the inside; default all, null = `insight` is absent. */
  readonly insight?: readonly (keyof Insight)[] | null;
}): FakeProvider {
  const { clock } = deps;
  const name = deps.name ?? "local";
  const workloads = new Map<string, Workload>();
  const observers = new Set<ProviderObserver>();
  const calls: FakeCall[] = [];
  const scripts: Script[] = [];
  const missed: Change[] = [];
  let lost: NodoffError | null = null;
  let nextId = 1;
  let closed = false;

  const find = (ref: string): Workload | undefined =>
    workloads.get(ref) ?? [...workloads.values()].find(({ look }) => look.refs.includes(ref));
  const need = (ref: string): Workload => {
    const found = find(ref);
    if (found === undefined) throw new NodoffError("GONE", `${name} has no ${ref}`);
    return found;
  };
  const looks = (): Look[] => [...workloads.values()].map(({ look }) => look);
  const relist = (): void => {
    if (lost === null) for (const observer of observers) observer.listed(looks());
  };
  const tell = (change: Change): void => {
    if (lost !== null) return void missed.push(change);
    for (const observer of observers) observer.changed(change);
  };

  const toRunning = (workload: Workload, kind: "started" | "resumed"): void => {
    const { look } = workload;
    const health = look.health === "none" || kind === "resumed" ? look.health : "starting";
    const startedAt = kind === "started" ? clock.wall() : look.startedAt;
    workload.look = { ...look, power: "running", startedAt, exitCode: null, error: null, health };
    tell({ kind, refs: look.refs, at: clock.wall() });
    workload.options.onStart?.();
  };
  const toPaused = (workload: Workload): void => {
    workload.look = { ...workload.look, power: "paused" };
    tell({ kind: "paused", refs: workload.look.refs, at: clock.wall() });
  };
  const toEnded = (workload: Workload, how: { asked: boolean; exitCode: number; restarts?: boolean }): void => {
    const { asked, exitCode, restarts = false } = how;
    workload.look = { ...workload.look, power: restarts ? "restarting" : "stopped", exitCode };
    tell({ kind: "exited", refs: workload.look.refs, at: clock.wall(), asked, exitCode, restarts });
  };
  const refuse = (workload: Workload): void => {
    if (workload.look.refusal !== null) throw new NodoffError("REFUSED", workload.look.refusal);
  };
  const engineError = (workload: Workload): NodoffError =>
    new NodoffError("ENGINE_ERROR", `${workload.look.refs[0]} is ${workload.look.power}`);

  const runScripts = async (when: "before" | "after", call: FakeCall, signal: AbortSignal): Promise<void> => {
    const meets = scripts.filter(
      (script) =>
        script.when === when &&
        script.method === call.method &&
        (script.ref === null || script.ref === call.ref) &&
        script.times > 0,
    );
    for (const script of meets) {
      script.times--;
      await script.run(signal);
    }
  };
  /** Notes the call, plays the scripts round it and lets it take effect once. */
  const call = async <T>(
    method: Method,
    ref: string | null,
    options: { readonly signal: AbortSignal },
    effect: () => T | Promise<T>,
  ): Promise<T> => {
    const entry: FakeCall = { method, ref, at: clock.now(), options };
    calls.push(entry);
    if (closed) throw new NodoffError("SHUTTING_DOWN", `${name} is closed`);
    if (options.signal.aborted) throw aborted(options.signal);
    await runScripts("before", entry, options.signal);
    if (options.signal.aborted) throw aborted(options.signal);
    if (lost !== null) throw lost;
    const result = await effect();
    await runScripts("after", entry, options.signal);
    return result;
  };
  const addScript = (method: Method, options: ScriptOptions, run: Script["run"], times: number): void => {
    const { ref = null, when = "before" } = options;
    scripts.push({ method, ref, when, times: options.times ?? times, run });
  };
  const { insight: parts = ["connections", "sessions", "exec"] } = deps;
  const insight: Insight = {
    connections: (ref, options) =>
      call("connections", ref, options, () => {
        const { look, options: scripted } = need(ref);
        return look.power === "running" ? valueOf(scripted.connections ?? []) : [];
      }),
    sessions: (ref, options) =>
      call("sessions", ref, options, () => {
        const { look, options: scripted } = need(ref);
        return look.power === "running" || look.power === "paused" ? valueOf(scripted.sessions ?? []) : [];
      }),
    exec: (ref, command, options) =>
      call("exec", ref, options, () => {
        const workload = need(ref);
        if (workload.look.power !== "running") throw engineError(workload);
        const { exec = { exitCode: 0, output: "" } } = workload.options;
        return typeof exec === "function" ? exec(command) : exec;
      }),
  };
  const end = (workload: Workload, exitCode: number): void => {
    if (workload.look.power !== "stopped") toEnded(workload, { asked: true, exitCode });
  };

  const provider: FakeProvider = {
    name,
    type: "docker",
    capabilities: { pause: true, kill: true, logs: true, health: true, discovers: true, ...deps.capabilities },
    ...(parts !== null && { insight: Object.fromEntries(parts.map((part) => [part, insight[part]])) }),
    calls,
    count: (method, ref) =>
      calls.filter((entry) => entry.method === method && (ref === undefined || entry.ref === ref)).length,
    look: (ref) => find(ref)?.look,
    relist,
    add(ref, options = {}) {
      const { power = "stopped" } = options;
      const running = power === "running" || power === "paused";
      const look: Look = {
        refs: [ref, ...(options.refs ?? [])],
        id: `${ref}-${nextId++}`,
        power,
        startedAt: options.startedAt ?? (running ? clock.wall() : null),
        exitCode: options.exitCode ?? null,
        error: options.error ?? null,
        health: options.health ?? "none",
        labels: options.labels ?? {},
        refusal: options.refusal ?? null,
        warnings: options.warnings ?? [],
        ...(options.createdAt !== undefined && { createdAt: options.createdAt }),
        ...(options.compose !== undefined && { compose: options.compose }),
        ...(options.sharesNetworkWith !== undefined && { sharesNetworkWith: options.sharesNetworkWith }),
        ...(options.ports !== undefined && { ports: options.ports }),
      };
      workloads.set(ref, { look, options });
      relist();
    },
    fail: (method, error, options = {}) => addScript(method, options, () => Promise.reject(error), 1),
    delay: (method, ms, options = {}) =>
      addScript(method, options, (signal) => until(signal, (done) => clock.after(ms, done)), Infinity),
    hang(method, options = {}) {
      const begun = Promise.withResolvers<void>();
      const released = new AbortController();
      const run = (signal: AbortSignal): Promise<void> => {
        begun.resolve();
        if (released.signal.aborted) return Promise.resolve();
        return until(signal, (done) => {
          released.signal.addEventListener("abort", done, { once: true });
          return () => released.signal.removeEventListener("abort", done);
        });
      };
      addScript(method, options, run, 1);
      return { release: () => released.abort(), begun: begun.promise };
    },
    outside: {
      start: (ref) => toRunning(need(ref), "started"),
      stop: (ref) => toEnded(need(ref), { asked: true, exitCode: 0 }),
      pause: (ref) => toPaused(need(ref)),
      resume: (ref) => toRunning(need(ref), "resumed"),
      delete(ref) {
        const workload = need(ref);
        for (const [key, value] of workloads) if (value === workload) workloads.delete(key);
        tell({ kind: "deleted", refs: workload.look.refs, at: clock.wall() });
      },
      crash: (ref, exitCode = 1, restarts = false) => toEnded(need(ref), { asked: false, exitCode, restarts }),
      health(ref, health) {
        const workload = need(ref);
        workload.look = { ...workload.look, health };
        tell({ kind: "health", refs: workload.look.refs, at: clock.wall(), health });
      },
    },
    lose(error = new NodoffError("PROVIDER_UNAVAILABLE", `${name} is not reachable`)) {
      lost = error;
      for (const observer of observers) observer.link({ code: error.code, message: error.message });
    },
    back({ replay = false } = {}) {
      lost = null;
      const changes = missed.splice(0);
      for (const observer of observers) observer.link(null);
      if (replay) for (const change of changes) tell(change);
      relist();
    },

    list: (options) => call("list", null, options, looks),
    inspect: (ref, options) => call("inspect", ref, options, () => find(ref)?.look),
    start: (ref, options) =>
      call("start", ref, options, () => {
        const workload = need(ref);
        refuse(workload);
        if (workload.look.power === "paused")
          throw new NodoffError("ENGINE_ERROR", `${ref} is paused: resume it instead`);
        if (workload.look.power === "stopped") toRunning(workload, "started");
      }),
    stop: (ref, options) =>
      call("stop", ref, options, async () => {
        const workload = need(ref);
        refuse(workload);
        if (workload.options.ignoresStop === true && workload.look.power !== "stopped") {
          await until(options.signal, (done) => clock.after(options.timeoutMs ?? 10_000, done));
          return end(workload, 137);
        }
        end(workload, 0);
      }),
    pause: (ref, options) =>
      call("pause", ref, options, () => {
        const workload = need(ref);
        refuse(workload);
        if (workload.look.power === "running") toPaused(workload);
        else if (workload.look.power !== "paused") throw engineError(workload);
      }),
    resume: (ref, options) =>
      call("resume", ref, options, () => {
        const workload = need(ref);
        refuse(workload);
        if (workload.look.power === "paused") toRunning(workload, "resumed");
        else if (workload.look.power !== "running") throw engineError(workload);
      }),
    kill: (ref, options) =>
      call("kill", ref, options, () => {
        const workload = need(ref);
        refuse(workload);
        end(workload, options.stopSignal === null || options.stopSignal === "SIGKILL" ? 137 : 0);
      }),
    logs: (ref, options) =>
      call("logs", ref, options, () => (options.lines > 0 ? (need(ref).options.logs ?? []).slice(-options.lines) : [])),
    counters: (ref, options) => call("counters", ref, options, () => valueOf(need(ref).options.counters ?? {})),
    address: (ref, query, options) =>
      call("address", ref, options, () => {
        const { address } = need(ref).options;
        const port = query.port ?? address?.port;
        if (port === undefined) throw new NodoffError("NO_PORT", `${ref} has no port`);
        return { host: address?.host ?? "127.0.0.1", port };
      }),
    watch(observer) {
      let open = true;
      // As a real engine: nothing is told before `watch` has returned.
      queueMicrotask(() => {
        if (!open) return;
        observers.add(observer);
        observer.link(lost === null ? null : { code: lost.code, message: lost.message });
        if (lost === null) observer.listed(looks());
      });
      return {
        close() {
          open = false;
          observers.delete(observer);
          return Promise.resolve();
        },
      };
    },
    close() {
      closed = true;
      observers.clear();
      return Promise.resolve();
    },
  };
  return provider;
}
