import { existsSync, readFileSync } from "node:fs";
import { findConfigFile, type Loaded, loadConfig } from "../config/load.ts";
import type { World } from "./world.ts";

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
