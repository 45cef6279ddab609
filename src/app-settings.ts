import { formatConfigError, type LoadResult } from "./config/load.ts";
import type { Config, ConfigError, Network } from "./config/types.ts";
import { toFailure } from "./core/errors.ts";
import type { Journal } from "./core/journal.ts";
import type { ResultCounts } from "./core/tallies.ts";
import { createTrust } from "./net/trust.ts";
import type { RootLogger } from "./telemetry/logger.ts";

/** The running configuration: read at each use, replaced as a whole when the file changes. */
export interface Settings {
  readonly config: Config;
  /** `trusted_proxies` of the running configuration. */
  isTrusted(address: string | undefined): boolean;
  /** Why the file as it is now was not taken over; empty = it runs. */
  readonly errors: readonly ConfigError[];
  readonly reloads: ResultCounts;
  /** Takes over what `load` gives, or keeps what runs and logs each error. One after the other. */
  reload(): Promise<void>;
}

export interface SettingsDeps {
  readonly config: Config;
  /** Where `load` reads; null = no file. */
  readonly file: string | null;
  readonly load: () => LoadResult;
  readonly containerNetworks: readonly string[];
  readonly logger: RootLogger;
  readonly journal: Journal;
  /** Brings everything that is made from the configuration in line. */
  readonly apply: (config: Config) => Promise<void>;
}

export function createSettings(deps: SettingsDeps): Settings {
  const { logger, journal, containerNetworks } = deps;
  const toTrusted = ({ trustedProxies }: Config): ((address: string | undefined) => boolean) =>
    createTrust(trustedProxies.map(toEntry), { containerNetworks });
  let config = deps.config;
  let isTrusted = toTrusted(config);
  let errors: readonly ConfigError[] = [];
  let last: Promise<void> = Promise.resolve();
  const reloads: ResultCounts = { ok: 0, failed: 0 };

  function use(next: Config): void {
    config = next;
    isTrusted = toTrusted(next);
    logger.setLevel(next.log.level);
  }

  async function reload(): Promise<void> {
    const result = deps.load();
    if (!result.ok) return keep(result.errors);
    warnAboutRestart(config, result.config, logger);
    const before = config;
    try {
      use(result.config);
      await deps.apply(config);
    } catch (error) {
      // Only its parts could tell that it cannot run: what runs goes on.
      use(before);
      const { message } = toFailure(error);
      return keep([{ file: deps.file ?? "nodoff.yaml", line: 1, column: 1, key: "", message }]);
    }
    errors = [];
    reloads.ok++;
    logger.info("configuration reloaded");
    journal.publish({ type: "config", alias: null, message: "reloaded" });
  }

  function keep(found: readonly ConfigError[]): void {
    errors = found;
    reloads.failed++;
    for (const error of found) logger.error("configuration not reloaded", { error: formatConfigError(error) });
    const [first] = found;
    const failure = { code: "CONFIG_INVALID", message: first === undefined ? "" : formatConfigError(first) } as const;
    journal.publish({ type: "config", alias: null, message: "not reloaded: the file has errors", failure });
  }

  return {
    get config() {
      return config;
    },
    isTrusted: (address) => isTrusted(address),
    get errors() {
      return errors;
    },
    reloads,
    reload: () =>
      (last = last.then(reload).catch((error: unknown) => {
        // A defect of ours: the next change of the file must find the chain whole.
        logger.error("configuration not reloaded", { error });
      })),
  };
}

function toEntry(network: Network): string {
  return "cidr" in network ? network.cidr : network.group;
}

/** What is read once, by the keys people write. */
const readOnce: Readonly<Record<string, (config: Config) => unknown>> = {
  listen: ({ listen: { tls, ...listen } }) => ({
    ...listen,
    // Certificates are read whenever they change.
    tls: tls === null ? null : { address: tls.address, redirectPort: tls.redirectPort },
  }),
  state_dir: ({ stateDir }) => stateDir,
  limits: ({ limits }) => limits,
  "log.format": ({ log }) => log.format,
};

function warnAboutRestart(before: Config, after: Config, logger: RootLogger): void {
  for (const [key, of] of Object.entries(readOnce)) {
    if (JSON.stringify(of(before)) === JSON.stringify(of(after))) continue;
    logger.warn("a changed key takes effect at the next start", { key });
  }
}
