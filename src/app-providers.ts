import { type LabelReading, readLabels } from "./config/labels.ts";
import type {
  Config,
  DockerProviderConfig,
  ProcessCommand,
  ProviderConfig,
  ProxmoxProviderConfig,
} from "./config/types.ts";
import type { Clock } from "./core/clock.ts";
import type { Logger } from "./core/logger.ts";
import type { Look, Provider } from "./core/provider.ts";
import type { ProcessProvider } from "./providers/process/index.ts";
import type { ProxmoxProvider } from "./providers/proxmox/index.ts";

/** The providers of the running configuration, made and unmade as it changes. */
export interface ProviderSet {
  /** Brings the set in line with `config`. What changed in any way is removed and added anew. */
  update(config: Config): Promise<{ readonly added: readonly Provider[]; readonly removed: readonly string[] }>;
  /** All of them, now. */
  providers(): readonly Provider[];
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
  /** The Proxmox provider is told which guests matter. */
  readonly guests: ProxmoxProvider | null;
  defined: ReadonlyMap<string, ProcessCommand>;
  readonly fingerprint: string;
}

/** Engine libraries are loaded only when a provider needs them: each costs start-up time and memory. */
export function createProviderSet(deps: ProviderSetDeps): ProviderSet {
  const entries = new Map<string, Entry>();

  async function create(config: ProviderConfig, { processes, signals }: Config): Promise<Entry> {
    const fingerprint = fingerprintOf(config, signals);
    const defined = ownProcesses(config.name, processes);
    const plain = { processes: null, guests: null, defined, fingerprint };
    if (config.type === "docker") return { ...plain, provider: await createDocker(config, signals.proc) };
    if (config.type === "proxmox") {
      const guests = await createProxmox(config);
      return { ...plain, provider: guests, guests };
    }
    const { createProcessProvider } = await import("./providers/process/index.ts");
    const provider = createProcessProvider({ ...deps, name: config.name, definitions: defined });
    return { ...plain, provider, processes: provider };
  }

  async function createDocker({ name, url, tls, network }: DockerProviderConfig, proc: string): Promise<Provider> {
    const { createDockerProvider, readSelf } = await import("./providers/docker/index.ts");
    return createDockerProvider({ ...deps, name, url, tls, network, self: readSelf(), host: { proc } });
  }

  async function createProxmox(config: ProxmoxProviderConfig): Promise<ProxmoxProvider> {
    const { createProxmoxProvider } = await import("./providers/proxmox/index.ts");
    return createProxmoxProvider({ ...deps, ...config });
  }

  return {
    providers: () => Array.from(entries.values(), ({ provider }) => provider),
    async update(all) {
      const { providers, processes, workloads, signals } = all;
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
      for (const [name, { guests }] of entries)
        guests?.expect(new Set(workloads.filter(({ provider }) => provider === name).map(({ ref }) => ref)));
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
  context: {
    readonly provider: string;
    readonly taken: ReadonlySet<string>;
    /** All there is at the provider. */
    readonly looks: readonly Look[];
    readonly config: Config;
  },
): LabelReading {
  const { provider, taken: takenAliases, config } = context;
  const settings = config.providers.find(({ name }) => name === provider);
  const [ref] = look.refs;
  if (settings === undefined || settings.type === "process" || !settings.discover || ref === undefined)
    return { kind: "none" };
  const { defaults, publicUrl } = config;
  const common = { labels: look.labels, provider, defaults, publicUrl, takenAliases };
  if (settings.type === "docker") {
    const systems = settings.labels.filter((system) => system !== "nodoff");
    if (systems.length === settings.labels.length && look.labels["nodoff.enable"] !== undefined)
      return { kind: "none" };
    const others = look.labels["sablier.enable"] === "true" ? context.looks : [];
    const peers = others.map(({ refs: [name = ""], labels }) => ({ name, labels }));
    return readLabels({ ...common, containerName: ref, systems, peers, domains: settings.matchDomains });
  }
  const kind = ref.startsWith("lxc/") ? "lxc" : "vm";
  // By the name the file has for it, if it has one: the same guest twice is a collision, which the file wins.
  const inFile = config.workloads.find((each) => each.provider === provider && look.refs.includes(each.ref));
  return readLabels({ ...common, containerName: guestName(look.refs), target: { kind, ref: inFile?.ref ?? ref } });
}

/** `lxc/web` → `web`; by its id where the name is not its own. */
function guestName([id = "", named = id]: readonly string[]): string {
  return named === id ? id.replace("/", "-") : named.slice(named.indexOf("/") + 1).replace(/@.*$/, "");
}
