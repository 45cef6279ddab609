import { rmSync } from "node:fs";
import { join } from "node:path";
import { toFailure } from "../core/errors.ts";
import type { HealthStore } from "../core/health-history.ts";
import { createMemoryHealthStore } from "./health-memory.ts";
import { type HealthStoreDeps, openHealthFile } from "./health-sqlite.ts";

/**
 * Health over time, in `health.db` of `stateDir` (null, or where that cannot be used: memory). Never fails: a broken
 * file is begun anew, since all that is lost is the past.
 */
export function openHealthStore(
  deps: Omit<HealthStoreDeps, "path"> & { readonly stateDir: string | null },
): HealthStore {
  const { stateDir, logger } = deps;
  if (stateDir === null) return createMemoryHealthStore();
  const path = join(stateDir, "health.db");
  try {
    return openHealthFile({ ...deps, path });
  } catch (error) {
    logger.debug("health file cannot be used", { path, error: toFailure(error).message });
  }
  try {
    for (const suffix of ["", "-wal", "-shm"]) rmSync(path + suffix, { force: true });
    const store = openHealthFile({ ...deps, path });
    logger.warn("health file was broken: begun anew", { path });
    return store;
  } catch (error) {
    logger.warn("health is kept in memory only and lost at restart", { path, reason: toFailure(error).message });
    return createMemoryHealthStore();
  }
}
