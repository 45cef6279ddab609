import { join } from "node:path";
import { createMemoryStore } from "./memory-store.ts";
import { openDatabase } from "./database.ts";
import { createSqliteStore } from "./sqlite-store.ts";
import type { Clock } from "../core/clock.ts";
import type { Logger } from "../core/logger.ts";
import type { Store } from "../core/store.ts";

export interface StoreDeps {
  /** Where `nodoff.db` is kept (`state_dir`); null = memory, nothing survives a restart. */
  readonly stateDir: string | null;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * What survives a restart. Never fails: where the directory cannot be used it is memory, after one warning that says
 * what to mend. A broken file is moved aside, never deleted.
 */
export function openStore(deps: StoreDeps): Store {
  if (deps.stateDir === null) return createMemoryStore(deps.clock);
  const path = join(deps.stateDir, "nodoff.db");
  const opened = openDatabase(path, deps);
  if (opened.kind === "unusable") {
    deps.logger.warn("state is kept in memory only and lost at restart", {
      path,
      reason: opened.reason,
      mend: opened.mend,
    });
    return createMemoryStore(deps.clock);
  }
  return createSqliteStore({
    database: opened.database,
    rows: opened.rows,
    path,
    clock: deps.clock,
    logger: deps.logger,
  });
}
