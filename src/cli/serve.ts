import { existsSync } from "node:fs";
import { type App, type AppOptions, createApp, createLogger } from "../app.ts";
import { formatConfigError } from "../config/load.ts";
import type { Config } from "../config/types.ts";
import { releaseMemory } from "../release-memory.ts";
import { systemClock } from "../system-clock.ts";
import { brandIcons, configSchema, dashboardPlaces, templatesFolder, version } from "./assets.ts";
import { type ConfigSource, toConfigSource } from "./config-source.ts";
import { defineCommand } from "./command.ts";
import { configOption } from "./options.ts";
import { exitCodes, type World } from "./world.ts";

/** Runs nodoff until it is told to stop. */
export const serve = defineCommand({
  about:
    "Runs until SIGTERM or SIGINT. A changed configuration file is taken over as it runs; without a file, labels decide.",
  options: configOption,
  async run({ options }, world) {
    const app = await startFrom(toConfigSource(options, world), world);
    if (app === null) return exitCodes.configInvalid;
    await untilStopped(world.stop);
    await app.close();
    return exitCodes.done;
  },
});

/** null = the configuration is wrong, which was told. A function of its own, so that nothing keeps what was loaded. */
function startFrom(source: ConfigSource, world: World): Promise<App> | null {
  const loaded = source.load();
  if (loaded.ok) return startApp({ ...source, config: loaded.config }, world);
  for (const error of loaded.errors) world.err(formatConfigError(error));
  return null;
}

/** An app on the real clock, logging to standard output. */
export function startApp(
  source: ConfigSource & { readonly config: Config; readonly write?: (line: string) => void },
  world: World,
): Promise<App> {
  const { level, format } = source.config.log;
  const { isTerminal, env, kill } = world;
  const appOptions: AppOptions = {
    version: version(),
    config: source.config,
    file: source.file,
    load: source.load,
    env,
    kill,
    inContainer: existsSync("/.dockerenv") || existsSync("/run/.containerenv"),
    templates: templatesFolder(),
    brands: brandIcons(),
    dashboard: dashboardPlaces(),
    configSchema: configSchema(),
    clock: systemClock,
    releaseMemory,
    out: world.out,
    logger: createLogger({ level, format, isTerminal, write: source.write ?? world.out }),
  };
  return createApp(appOptions);
}

export function untilStopped(stop: AbortSignal): Promise<void> {
  if (stop.aborted) return Promise.resolve();
  return new Promise((resolve) => stop.addEventListener("abort", () => resolve(), { once: true }));
}
