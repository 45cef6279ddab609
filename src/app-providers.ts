import { type LabelReading, readLabels } from "./config/labels.ts";
import type { Config, DockerProviderConfig, ProcessCommand, ProviderConfig } from "./config/types.ts";
import type { Clock } from "./core/clock.ts";
import type { Logger } from "./core/logger.ts";
import type { Look, Provider } from "./core/provider.ts";
import type { ProcessProvider } from "./providers/process/index.ts";

/** The providers of the running configuration, made and unmade as it changes. */
export interface ProviderSet {
  /** Brings the set in line with `config`. What changed in any way is removed and added anew. */
  update(config: Config): Promise<{ readonly added: readonly Provider[]; readonly removed: readonly string[] }>;
}

export interface ProviderSetDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** `process.kill`. */
  readonly kill: (pid: number, signal: number) => void;
}

interface Entry {
  readonly provider: Provider;
  /** The process provider takes definitions one by one. */
  readonly processes: ProcessProvider | null;
  defined: ReadonlyMap<string, ProcessCommand>;
  readonly fingerprint: string;
}

/** Engine libraries are loaded only when a provider needs them: each costs start-up time and memory. */
export function createProviderSet(deps: ProviderSetDeps): ProviderSet {
  const entries = new Map<string, Entry>();

  async function create(config: ProviderConfig, { processes, signals }: Config): Promise<Entry> {
    const fingerprint = fingerprintOf(config, signals);
    const defined = ownProcesses(config.name, processes);
    if (config.type === "docker") {
      const provider = await createDocker(config, signals.proc);
      return { provider, processes: null, defined, fingerprint };
    }
    const { createProcessProvider } = await import("./providers/process/index.ts");
    const provider = createProcessProvider({ ...deps, name: config.name, definitions: defined });
    return { provider, processes: provider, defined, fingerprint };
  }

  async function createDocker({ name, url, tls, network }: DockerProviderConfig, proc: string): Promise<Provider> {
    const { createDockerProvider, readSelf } = await import("./providers/docker/index.ts");
    return createDockerProvider({ ...deps, name, url, tls, network, self: readSelf(), host: { proc } });
  }

  return {
    async update(all) {
      const { providers, processes, signals } = all;
      const isKnown = (config: ProviderConfig): boolean =>
        entries.get(config.name)?.fingerprint === fingerprintOf(config, signals);
      // Made before anything changes: where one cannot be made, all stays as it was.
      const made = new Map<string, Entry>();
      for (const config of providers) if (!isKnown(config)) made.set(config.name, await create(config, all));
      const kept = new Set(providers.filter(isKnown).map(({ name }) => name));
      const removed = [...entries.keys()].filter((name) => !kept.has(name));
      for (const name of removed) entries.delete(name);
      for (const [name, entry] of entries) {
        if (entry.processes === null) continue;
        const wanted = ownProcesses(name, processes);
        redefine(entry.processes, entry.defined, wanted);
        entry.defined = wanted;
      }
      for (const [name, entry] of made) entries.set(name, entry);
      const added = Array.from(made.values(), ({ provider }) => provider);
      return { added, removed };
    },
  };
}

/** A provider that reads the same is kept. */
function fingerprintOf(config: ProviderConfig, { proc }: Config["signals"]): string {
  return JSON.stringify(config.type === "docker" ? { ...config, proc } : config);
}

function ownProcesses(name: string, all: ReadonlyMap<string, ProcessCommand>): ReadonlyMap<string, ProcessCommand> {
  return new Map([...all].filter(([, { provider }]) => provider === name));
}

type Processes = ReadonlyMap<string, ProcessCommand>;

function redefine(provider: ProcessProvider, before: Processes, wanted: Processes): void {
  for (const ref of before.keys()) if (!wanted.has(ref)) provider.define(ref, null);
  for (const [ref, definition] of wanted) {
    if (JSON.stringify(before.get(ref)) !== JSON.stringify(definition)) provider.define(ref, definition);
  }
}

/** What the labels of one container declare, where its provider is asked to discover. */
export function discover(
  look: Look,
  context: { readonly provider: string; readonly taken: ReadonlySet<string>; readonly config: Config },
): LabelReading {
  const { provider, taken: takenAliases, config } = context;
  const settings = config.providers.find(({ name }) => name === provider);
  const [containerName] = look.refs;
  if (settings?.type !== "docker" || !settings.discover || containerName === undefined) return { kind: "none" };
  const { defaults, publicUrl } = config;
  return readLabels({ labels: look.labels, containerName, provider, defaults, publicUrl, takenAliases });
}
