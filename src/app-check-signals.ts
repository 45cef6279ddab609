import type { Config } from "./config/types.ts";
import { toFailure } from "./core/errors.ts";
import type { Look, Provider } from "./core/provider.ts";
import type { Reading, Signal, Subject } from "./core/signal.ts";
import type { UpstreamSpec, WorkloadSpec } from "./core/spec.ts";
import { createDialed } from "./net/dialed.ts";
import { createSignals } from "./signals/signals.ts";
import { systemClock } from "./system-clock.ts";

/** An activity signal of one workload: whether it can be read, and what it sees or why not. */
export interface SignalLine {
  readonly name: string;
  /** What does not run cannot be tried: then, whether it should be readable once it runs. */
  readonly live: boolean;
  readonly note: string;
}

export interface SignalCheckDeps {
  readonly config: Config;
  readonly provider: (name: string) => Provider | undefined;
  readonly look: (spec: WorkloadSpec) => Look | undefined;
}

const readTimeoutMs = 5_000;

/** Reads every signal of a workload once, as the engine would, and says what each can see. Changes nothing. */
export function createSignalCheck(deps: SignalCheckDeps): (spec: WorkloadSpec) => Promise<readonly SignalLine[]> {
  const { config } = deps;
  const signals = createSignals({
    clock: systemClock,
    inFlight: { count: () => 0 },
    dialed: createDialed({ clock: systemClock }),
    settings: () => config.signals,
  });
  return async (spec) => {
    const provider = deps.provider(spec.provider);
    const look = deps.look(spec);
    const runs = look?.power === "running";
    const isGroup = spec.kind === "group" || spec.kind === "compose";
    const subject = provider === undefined || isGroup ? null : await toSubject(spec, provider, look);
    const lines = signals.map(async (signal): Promise<SignalLine> => {
      const { name } = signal;
      if (name === "requests") return { name, live: true, note: "requests the hook or nodoff's own proxy saw" };
      if (name === "proxy") return proxyLine(name, config);
      if (subject === null) return { name, live: true, note: "its members are asked" };
      if (!signal.covers(subject)) return { name, live: false, note: offNote(name, subject) };
      if (!runs) return { name, live: true, note: "not tried: it does not run" };
      return toLine(name, await readOnce(signal, subject));
    });
    return onePerName(await Promise.all(lines));
  };
}

/** A probe is asked by HTTP or by a command: of the two, the other one is never live. */
function onePerName(lines: readonly SignalLine[]): readonly SignalLine[] {
  const byName = new Map<string, SignalLine>();
  for (const line of lines) if (byName.get(line.name)?.live !== true) byName.set(line.name, line);
  return [...byName.values()];
}

function offNote(name: string, { spec, provider }: Subject): string {
  const { connections, network, cpu, execSessions, probe } = spec.activity;
  const settings = new Map<string, unknown>([
    ["connections", connections],
    ["network", network],
    ["cpu", cpu],
    ["exec_sessions", execSessions || null],
    ["probe", probe],
  ]);
  return settings.get(name) === null ? `off: no activity.${name}` : `provider ${provider.name} cannot tell`;
}

function proxyLine(name: string, { listen }: Config): SignalLine {
  const live = listen.proxy !== null || listen.tls !== null;
  return { name, live, note: live ? "what nodoff's own proxy carries" : "missing: listen.proxy is not set" };
}

async function readOnce(signal: Signal, subject: Subject): Promise<Reading> {
  return signal.read(subject, { signal: AbortSignal.timeout(readTimeoutMs) });
}

function toLine(name: string, reading: Reading): SignalLine {
  if (reading.kind === "read") return { name, live: true, note: reading.text };
  return { name, live: false, note: reading.why };
}

async function toSubject(spec: WorkloadSpec, provider: Provider, look: Look | undefined): Promise<Subject> {
  const origin =
    look?.power === "running" && spec.upstream !== null ? await originOf(spec, spec.upstream, provider) : null;
  const port = spec.upstream?.kind === "port" ? spec.upstream.port : null;
  return {
    spec,
    provider,
    lastUsedAt: Number.NEGATIVE_INFINITY,
    awakeSince: 0,
    uncounted: 0,
    uncountedAt: Number.NEGATIVE_INFINITY,
    origins: () => (origin === null ? [] : [origin]),
    ports: () => (port === null ? null : [port, ...(look?.ports ?? [])]),
  };
}

async function originOf({ ref }: WorkloadSpec, upstream: UpstreamSpec, provider: Provider): Promise<string | null> {
  if (upstream.kind === "url") return upstream.url;
  try {
    const signal = AbortSignal.timeout(readTimeoutMs);
    const { host, port } = await provider.address(ref, { port: upstream.port }, { signal });
    return `${upstream.scheme}://${host.includes(":") ? `[${host}]` : host}:${port}`;
  } catch (error) {
    toFailure(error);
    return null;
  }
}
