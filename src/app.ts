import { createServer } from "node:http";
import type { LoadResult } from "./config/load.ts";
import { formatConfigError } from "./config/load.ts";
import type { Config, ConfigError, Network } from "./config/types.ts";
import { watchConfig } from "./config/watch.ts";
import { createControl } from "./control/control.ts";
import type { Clock } from "./core/clock.ts";
import { createInFlight } from "./core/in-flight.ts";
import type { Journal } from "./core/journal.ts";
import { createWaiterBudget } from "./core/waiter-budget.ts";
import { createGate } from "./engine/gate.ts";
import { createJournal } from "./engine/journal.ts";
import { createSupervisor } from "./engine/supervisor.ts";
import { createHook } from "./hook/hook.ts";
import { closeServer, formatListenAddress, listen, type Listening } from "./net/listen.ts";
import { createOriginPools } from "./net/origin-pools.ts";
import { createProber } from "./net/probe.ts";
import { addressMatcher, createTrust, forwardedClient, ownNetworks } from "./net/trust.ts";
import { createPages } from "./pages/pages.ts";
import { createProviderSet, discover } from "./app-providers.ts";
import { createProxy } from "./proxy/proxy.ts";
import { createInFlightSignal } from "./signals/in-flight.ts";
import { createRequestsSignal } from "./signals/requests.ts";
import { openStore } from "./store/open-store.ts";
import type { RootLogger } from "./telemetry/logger.ts";
import { createMetrics } from "./telemetry/metrics.ts";

/** Everything the app needs of the world. The process itself stays in main.ts. */
export interface AppOptions {
  readonly version: string;
  readonly config: Config;
  /** The file the configuration came from, watched for changes; null = none. */
  readonly file: string | null;
  /** Reads the configuration again. */
  readonly load: () => LoadResult;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** `process.kill`, for the process provider. */
  readonly kill: (pid: number, signal: number) => void;
  /** Whether nodoff itself runs in a container: its networks are then `container_networks`. */
  readonly inContainer: boolean;
  /** Folder of page themes. */
  readonly templates: string;
  /** JSON Schema of nodoff.yaml. */
  readonly configSchema: unknown;
  readonly clock: Clock;
  readonly logger: RootLogger;
}

/** nodoff, running. */
export interface App {
  readonly hook: Listening;
  /** null unless `listen.proxy` is set. */
  readonly proxy: Listening | null;
  readonly journal: Journal;
  /** Answers everybody who waits, then closes. Stops no workload (but ends processes nodoff itself runs). */
  close(): Promise<void>;
}

/** Longer than any proxy keeps an idle connection (Caddy 120 s): else it may send into one we are closing. */
const keepAliveMs = 180_000;
const closeGraceMs = 5_000;
/** `/readyz` stops waiting for engines that do not answer. */
const firstLookMs = 5_000;

/** The composition root: the only place that names concrete parts (design §13). */
export async function createApp(options: AppOptions): Promise<App> {
  const { clock, logger } = options;
  const startedAt = clock.now();
  const shutdown = new AbortController();
  let config = options.config;
  let fileErrors: readonly ConfigError[] = [];
  const configReloads = { ok: 0, failed: 0 };

  const journal = createJournal({ clock, logger });
  const store = openStore({ stateDir: config.stateDir, clock, logger });
  const providers = createProviderSet({ clock, logger, env: options.env, kill: options.kill });
  const signals: Parameters<typeof createSupervisor>[0]["signals"][number][] = [];
  const supervisor = createSupervisor({
    clock,
    logger,
    journal,
    store,
    signals,
    prober: createProber(),
    defer: (run) => void setImmediate(run),
    shutdown: shutdown.signal,
    discover: (look, provider, taken) => discover(look, { provider: provider.name, taken, config }),
  });
  const { registry } = supervisor;
  const inFlight = createInFlight(clock);
  signals.push(
    createRequestsSignal({ clock, lastUsedAt: (alias) => supervisor.workload(alias)?.lastUsedAt ?? null }),
    createInFlightSignal({ clock, inFlight }),
  );

  const pages = createPages({ dir: options.templates });
  const { waitersPerWorkload: perWorkload, waiters: total } = config.limits;
  const gate = createGate({
    clock,
    pages,
    budget: createWaiterBudget({ perWorkload, total }),
    matchesAddress: addressMatcher,
    get publicUrl() {
      return config.publicUrl;
    },
  });
  const containerNetworks = ownNetworks(options.inContainer);
  const toTrust = ({ trustedProxies }: Config): ((address: string | undefined) => boolean) =>
    createTrust(trustedProxies.map(toEntry), { containerNetworks });
  let isTrusted = toTrust(config);
  const hook = createHook({
    registry,
    gate,
    journal,
    pages,
    clock,
    logger,
    isTrusted: (address) => isTrusted(address),
    get proxyHops() {
      return config.proxyHops;
    },
    get unknownHost() {
      return config.unknownHost;
    },
    get publicUrl() {
      return config.publicUrl;
    },
    limits: config.limits,
  });

  const metrics = createMetrics({
    now: () => clock.now(),
    routes: () => registry.routes(),
    unknownHost: () => ({ [config.unknownHost === "allow" ? "allow" : "forbidden"]: hook.unknownHosts }),
    hookSeconds: hook.timings,
    *workloads() {
      for (const { spec, state, tallies } of supervisor.workloads()) {
        yield { alias: spec.alias, state, tallies, signals: signals.map(({ name }) => ({ name, live: true })) };
      }
    },
    providers: () => supervisor.providers(),
    configReloads,
  });

  const control = createControl({
    version: options.version,
    get adminToken() {
      return config.admin.token;
    },
    get metricsPublic() {
      return config.metrics.public;
    },
    configSchema: options.configSchema,
    clock,
    logger,
    registry,
    workloads: () => supervisor.workloads(),
    workload: (alias) => supervisor.workload(alias),
    signals: signalStatus,
    providers: () => supervisor.providers(),
    configErrors: () => [
      ...fileErrors.map(({ file, line, column, key, message }) => ({
        source: `${file}:${line}:${column}`,
        key,
        message,
      })),
      ...supervisor.problems(),
    ],
    metrics,
    ready,
    clientOf(request) {
      const peer = request.socket.remoteAddress;
      if (!isTrusted(peer)) return peer ?? null;
      const forwarded = request.headers["x-forwarded-for"];
      return forwardedClient(typeof forwarded === "string" ? forwarded : undefined, config.proxyHops) ?? peer ?? null;
    },
  });

  function signalStatus(alias: string): ReturnType<Parameters<typeof createControl>[0]["signals"]> {
    return signals.map((signal) => {
      const reading = signal.read(alias, { signal: shutdown.signal });
      const read = reading instanceof Promise || reading.kind === "unreadable" ? null : reading;
      const at = read?.lastUsedAt ?? null;
      const lastUsedAt = at === null ? null : Math.round(clock.wall() - (clock.now() - at));
      return { name: signal.name, live: read !== null, lastUsedAt, needs: signal.needs };
    });
  }

  function ready(): { readonly ok: boolean; readonly missing: readonly string[] } {
    const missing = [...supervisor.providers()].filter(({ looked }) => !looked).map(({ name }) => `provider ${name}`);
    return { ok: missing.length === 0 || clock.now() - startedAt >= firstLookMs, missing };
  }

  async function apply(next: Config): Promise<void> {
    config = next;
    isTrusted = toTrust(next);
    logger.setLevel(next.log.level);
    const changes = await providers.update(next);
    for (const name of changes.removed) await supervisor.removeProvider(name);
    for (const provider of changes.added) supervisor.addProvider(provider);
    supervisor.configure(next);
    for (const { key, message } of next.warnings) logger.warn("questionable configuration", { key, error: message });
  }

  /** A reload replaces the configuration as a whole, or not at all. */
  async function reload(): Promise<void> {
    const result = options.load();
    if (!result.ok) {
      fileErrors = result.errors;
      configReloads.failed++;
      for (const error of result.errors)
        logger.error("configuration not reloaded", { error: formatConfigError(error) });
      journal.publish({ type: "config", alias: null, message: "not reloaded: the file has errors" });
      return;
    }
    warnAboutRestart(config, result.config, logger);
    await apply(result.config);
    fileErrors = [];
    configReloads.ok++;
    logger.info("configuration reloaded");
    journal.publish({ type: "config", alias: null, message: "reloaded" });
  }

  const server = createServer({ keepAliveTimeout: keepAliveMs }, (req, res) => {
    if (!hook.serve(req, res)) control(req, res);
  });
  const pools = createOriginPools({ clock });
  const proxy = createProxy({
    registry,
    gate,
    clock,
    logger,
    pools,
    inFlight,
    isTrusted: (address) => isTrusted(address),
    get proxyHops() {
      return config.proxyHops;
    },
    reserved: (req, res, asked) => hook.reserved(req, res, asked),
  });

  await apply(config);
  const hookAt = await listen(server, config.listen.hook);
  const proxyAt = config.listen.proxy === null ? null : await listen(proxy.server, config.listen.proxy);
  const proxyText = proxyAt === null ? {} : { proxy: formatListenAddress(proxyAt) };
  logger.info("listening", { hook: formatListenAddress(hookAt), ...proxyText });
  let reloading = Promise.resolve();
  const watching =
    options.file === null
      ? null
      : watchConfig(options.file, () => void (reloading = reloading.then(reload)), { clock });

  return {
    hook: hookAt,
    proxy: proxyAt,
    journal,
    async close() {
      watching?.close();
      hook.close();
      await supervisor.close();
      await Promise.all([
        closeServer(server, { clock, graceMs: closeGraceMs }),
        proxy.close({ graceMs: closeGraceMs }),
      ]);
      shutdown.abort();
      await pools.close({ graceMs: 0 });
      await store.close();
    },
  };
}

function toEntry(network: Network): string {
  return "cidr" in network ? network.cidr : network.group;
}

/** Keys that are read once. */
function warnAboutRestart(before: Config, after: Config, logger: RootLogger): void {
  for (const key of ["listen", "stateDir", "limits"] as const) {
    if (JSON.stringify(before[key]) === JSON.stringify(after[key])) continue;
    logger.warn("changed key takes effect at the next start", { key: key === "stateDir" ? "state_dir" : key });
  }
}
