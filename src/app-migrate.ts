import { createProviderSet } from "./app-providers.ts";
import type { LabelPeer } from "./config/adopting.ts";
import type { Config } from "./config/types.ts";
import type { Logger } from "./core/logger.ts";
import { systemClock } from "./system-clock.ts";

const listTimeoutMs = 10_000;

const noLine = (): void => undefined;
const quiet: Logger = {
  debugEnabled: false,
  debug: noLine,
  info: noLine,
  warn: noLine,
  error: noLine,
  child: () => quiet,
};

export interface ContainerDeps {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly kill: (pid: number, signal: number) => void;
}

/**
 * The containers of all Docker engines of the configuration, running or not, under their compose service's name where
 * they have one. Changes nothing. Rejects where an engine does not answer.
 */
export async function listContainers(config: Config, deps: ContainerDeps): Promise<readonly LabelPeer[]> {
  const providers = config.providers.filter(({ type }) => type === "docker");
  const set = createProviderSet({ ...deps, clock: systemClock, logger: quiet });
  const { added } = await set.update({ ...config, providers });
  try {
    const lists = await Promise.all(added.map((each) => each.list({ signal: AbortSignal.timeout(listTimeoutMs) })));
    return lists.flat().map(({ refs: [name = ""], labels }) => ({ name, labels }));
  } finally {
    await Promise.all(added.map((each) => each.close()));
  }
}
