import assert from "node:assert/strict";
import { formatConfigError, loadConfig } from "../../src/config/load.ts";
import type { Config } from "../../src/config/types.ts";

type Env = Readonly<Record<string, string>>;

function load(text: string, env: Env): ReturnType<typeof loadConfig> {
  return loadConfig({ file: "nodoff.yaml", env, readFile: () => text });
}

/** What a right nodoff.yaml becomes. */
export function configOf(text: string, env: Env = {}): Config {
  const result = load(text, env);
  assert.ok(result.ok, result.ok ? "" : result.errors.map(formatConfigError).join("\n"));
  return result.config;
}

/** The lines a wrong nodoff.yaml is refused with, without `nodoff.yaml:`. */
export function errorsOf(text: string, env: Env = {}): string[] {
  const result = load(text, env);
  return result.ok ? [] : result.errors.map((error) => formatConfigError(error).replace(/^nodoff\.yaml:/, ""));
}

/** The lines it is warned about with. */
export function warningsOf(text: string): string[] {
  return configOf(text).warnings.map((warning) => formatConfigError(warning).replace(/^nodoff\.yaml:/, ""));
}
