import { existsSync, readFileSync } from "node:fs";
import { findConfigFile, formatConfigError, type Loaded, loadConfig } from "../config/load.ts";
import type { Config } from "../config/types.ts";
import { CommandFailure } from "./failure.ts";
import { exitCodes, type World } from "./world.ts";

/** Where the configuration comes from, and how to read it. */
export interface ConfigSource {
  /** null = no file: labels only. */
  readonly file: string | null;
  readonly load: () => Loaded;
}

/** The file of `--config`, NODOFF_CONFIG or the usual places. */
export function toConfigSource(options: { readonly config: string | undefined }, world: World): ConfigSource {
  const { env } = world;
  const file = findConfigFile({ given: options.config, env, exists: existsSync });
  return { file, load: () => loadConfig({ file, env, readFile: (path) => readFileSync(path, "utf8") }) };
}

/**
 * The configuration of the nodoff on this machine, for what it says of where that is: null where it cannot be read, since
 * options may say the rest.
 * @throws CommandFailure where `--config` names one that is wrong.
 */
export function readConfig(options: { readonly config: string | undefined }, world: World): Config | null {
  const loaded = toConfigSource(options, world).load();
  if (loaded.ok) return loaded.config;
  if (options.config === undefined) return null;
  throw new CommandFailure(loaded.errors.map(formatConfigError).join("\n"), exitCodes.configInvalid);
}
