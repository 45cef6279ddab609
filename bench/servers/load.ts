import { readFileSync } from "node:fs";
import { loadConfig } from "../../src/config/load.ts";
import type { Config } from "../../src/config/types.ts";

/** The configuration a server under test was started with; throws with what is wrong in it. */
export function loadGiven(file: string | undefined): Config {
  if (file === undefined) throw new Error("no configuration file given");
  const loaded = loadConfig({ file, env: {}, readFile: (path) => readFileSync(path, "utf8") });
  if (!loaded.ok) throw new Error(loaded.errors.map(({ key, message }) => `${key}: ${message}`).join("\n"));
  return loaded.config;
}
