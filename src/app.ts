import { readFileSync } from "node:fs";
import { createDoors } from "./app-doors.ts";
import { createHealth } from "./app-health.ts";
import { createAppPages } from "./app-pages.ts";
import { createHandOver } from "./app-traefik.ts";
import { createProviderSet, discover } from "./app-providers.ts";
import { createSettings } from "./app-settings.ts";
import type { LoadResult } from "./config/load.ts";
import type { Config } from "./config/types.ts";
import { watchConfig } from "./config/watch.ts";
import type { Cancel, Clock } from "./core/clock.ts";
import { createInFlight } from "./core/in-flight.ts";
import type { Journal, JournalEvent } from "./core/journal.ts";
import { createJournal } from "./engine/journal.ts";
import { createSupervisor } from "./engine/supervisor.ts";
import { closeServer, formatListenAddress, listen, type Listening } from "./net/listen.ts";
import { createDialed } from "./net/dialed.ts";
import { createProber } from "./net/probe.ts";
import { ownNetworks } from "./net/trust.ts";
import { createSamples } from "./signals/samples.ts";
import { createSignals } from "./signals/signals.ts";
import { openStore } from "./store/open-store.ts";
import { createAccessLogs } from "./telemetry/access-log.ts";
import type { RootLogger } from "./telemetry/logger.ts";

export { createLogger } from "./telemetry/logger.ts";

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
  /** File of brand icons for pages; null = none. */
  readonly brands: string | null;
  /** Folders of the dashboard and of lit-html, which it is made with. */
  readonly dashboard: { readonly dir: string; readonly library: string };
  /** JSON Schema of nodoff.yaml. */
  readonly configSchema: unknown;
  readonly clock: Clock;
  /** Gives memory back that is not in use; called a moment after a configuration was taken over. */
  readonly releaseMemory?: () => void;
  readonly logger: RootLogger;
  /** Writes a line to standard output. */
  readonly out: (line: string) => void;
}

/** nodoff, running. */
export interface App {
  readonly hook: Listening;
  /** null unless `listen.proxy` is set. */
  readonly proxy: Listening | null;
  /** null unless `listen.tls` is set. */
  readonly secure: Listening | null;
  readonly journal: Journal;
  /** Answers everybody who waits, then closes. Stops no workload (but ends processes nodoff itself runs). */
  close(): Promise<void>;
}

const closeGraceMs = 5_000;

/** Until what a start sets in motion has come to rest. */
const releaseMs = 2_000;

/** What happened in the last moments before a crash had ids, too, and is not in the file. */
function firstFreeId(lastId: number): number {
  return lastId === 0 ? 0 : lastId + 1_000;
}

/** Of a wake only how it ended is worth remembering. */
function isHistory({ type, step, transient }: JournalEvent): boolean {
  if (transient === true) return false;
  return type !== "wake" || step === "ready" || step === "error";
}

/** The composition root: with its app-*.ts parts the only place that names concrete parts (design §13). */
export async function createApp(options: AppOptions): Promise<App> {
  const { clock, logger, env, kill, file } = options;
  const shutdown = new AbortController();
  const store = openStore({ stateDir: options.config.stateDir, clock, logger });
  const journal = createJournal({ clock, logger, lastId: firstFreeId(store.lastEventId) });
  journal.subscribe((event) => {
    if (isHistory(event)) store.addEvent(event);
  });
  const providers = createProviderSet({ clock, logger, env, kill });
  const inFlight = createInFlight(clock);
  const dialed = createDialed({ clock });
  const prober = createProber({ dialed });
  const samples = createSamples({ clock });
  const signals = createSignals({ clock, inFlight, dialed, samples, settings: () => settings.config.signals });
  let routesChanged = (): void => undefined;
  const supervisor = createSupervisor({
    clock,
    logger,
    journal,
    store,
    signals,
    prober,
    takesTraffic: (group, origin) => health.monitor.takesTraffic(group, origin),
    engineHealthChanged: (alias) => health.monitor.engineChanged(alias),
    handOver: createHandOver(
      () => settings,
      (alias) => doors.traefik.leadsTo(alias),
    ),
    defer: (run) => void setImmediate(run),
    shutdown: shutdown.signal,
    pollMs: () => settings.config.signals.pollMs,
    onRoutes: () => routesChanged(),
    isHealthy: (alias, origin) => health.mayCarry(alias, origin),
    discover: (look, { provider, taken, looks }) =>
      discover(look, { provider: provider.name, taken, looks, config: settings.config }),
  });
  const settings = createSettings({ ...options, journal, containerNetworks: ownNetworks(options.inContainer), apply });
  const { stateDir } = options.config;
  const publicUrl = (): string | null => settings.config.publicUrl;
  const health = createHealth({ clock, logger, journal, prober, supervisor, dialed, samples, stateDir, publicUrl });
  const accessLogs = createAccessLogs({ logger, out: options.out });
  const pages = createAppPages({ dir: options.templates, brands: options.brands, logger });
  const doors = createDoors({
    ...options,
    accessLogs,
    pages,
    settings,
    supervisor,
    journal,
    store,
    inFlight,
    dialed,
    health,
    providers: providers.providers,
    readFile: (path) => readFileSync(path, "utf8"),
    watch: (path, onChange) => watchConfig(path, onChange, { clock }),
  });
  const { server, hook, control, ownProxy } = doors;

  let cancelRelease: Cancel = () => undefined;

  async function apply(config: Config): Promise<void> {
    await accessLogs.update(config.accessLog);
    health.notifier.update(config.notify);
    pages.update(config);
    for (const { key, message } of config.warnings) logger.warn("questionable configuration", { key, error: message });
    const { added, removed } = await providers.update(config);
    for (const name of removed) await supervisor.removeProvider(name);
    for (const provider of added) supervisor.addProvider(provider);
    supervisor.configure(config);
    await ownProxy.useCertificates(config.listen.tls?.certificates ?? []);
    cancelRelease();
    cancelRelease = clock.after(releaseMs, () => options.releaseMemory?.());
  }

  // Watched from the start: a change while everything opens is not missed, only taken over after it.
  let started = (): void => undefined;
  const opening = new Promise<void>((resolve) => (started = resolve));
  const watching = file === null ? null : watchConfig(file, () => void opening.then(settings.reload), { clock });

  async function close(): Promise<void> {
    watching?.close();
    cancelRelease();
    hook.close();
    control.close();
    await health.close();
    await supervisor.close();
    routesChanged = () => undefined;
    const grace = { graceMs: closeGraceMs };
    await Promise.all([closeServer(server, { clock, ...grace }), ownProxy.close(grace)]);
    shutdown.abort();
    await accessLogs.close();
    await store.close();
  }

  try {
    const { listen: addresses } = settings.config;
    await apply(settings.config);
    const hookAt = await listen(server, addresses.hook);
    const { proxy, tls, fallback } = await ownProxy.open();
    await ownProxy.update();
    routesChanged = () =>
      void ownProxy.update().catch((error: unknown) => logger.error("the ports of routes cannot be opened", { error }));
    const opened = {
      hook: hookAt,
      ...(proxy !== null && { proxy }),
      ...(tls !== null && { tls }),
      ...(fallback !== null && { fallback }),
    };
    const texts = Object.entries(opened).map(([door, at]) => [door, formatListenAddress(at)] as const);
    logger.info("listening", Object.fromEntries(texts));
    health.monitor.start();
    started();
    return { hook: hookAt, proxy, secure: tls, journal, close };
  } catch (error) {
    await close();
    throw error;
  }
}
