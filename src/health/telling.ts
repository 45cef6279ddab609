import type { Clock } from "../core/clock.ts";
import { type HealthInput, type HealthStatus, stepHealth } from "../core/health.ts";
import type { HealthStore } from "../core/health-history.ts";
import type { Journal } from "../core/journal.ts";
import type { Logger } from "../core/logger.ts";
import type { Notice } from "../core/notices.ts";
import type { Archive } from "./archive.ts";
import type { Watched } from "./watched.ts";

export interface TellingDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly journal: Journal;
  readonly store: HealthStore;
  readonly notify: (notice: Notice) => void;
}

/** Takes one input into the health of a route, and tells whoever has to know what came of it. */
export function createTelling(
  deps: TellingDeps & { readonly archive: Pick<Archive, "note"> },
): (each: Watched, input: HealthInput) => void {
  const { clock, logger, journal, store, archive } = deps;

  /** What a check found. Sleeping, waking and failing are told by the workload itself. */
  function announce({ route, detail, latencyMs }: Watched, from: HealthStatus, to: HealthStatus): void {
    const { alias } = route.spec;
    const facts = { alias, from, detail, latency_ms: latencyMs };
    const isUp = to === "healthy" && (from === "unhealthy" || from === "error");
    if (isUp) logger.info("health up", facts);
    else if (to === "unhealthy") logger.warn("health down", facts);
    else if (to === "error") logger.error("check error", facts);
    // That all is well at the start is no news: thousands of them would push everything else out of the journal.
    else return;
    journal.publish({ type: "health", alias, message: `${from} → ${to}${detail === null ? "" : `: ${detail}`}` });
  }

  return (each, input) => {
    const before = each.state;
    const { state, notice } = stepHealth(before, input, each.route.spec.health, clock.now());
    each.state = state;
    if (state.status !== before.status) {
      archive.note(each);
      logger.debug("health changed", { alias: each.route.spec.alias, from: before.status, to: state.status });
      if (input.type === "checked") announce(each, before.status, state.status);
    }
    if (notice === null) return;
    store.setDown(each.route.spec.alias, notice === "down");
    deps.notify(toNotice(each, notice, clock.wall()));
  };
}

function toNotice({ route, detail, latencyMs, lastSeenAt }: Watched, notice: "down" | "up", at: number): Notice {
  const { alias } = route.spec;
  const name = route.workload?.spec.displayName ?? alias;
  if (notice === "up") return { event: "health.up", alias, at, message: `${name} is up again`, detail, latencyMs };
  return { event: "health.down", alias, at, message: `${name} is down`, detail, lastSeenAt };
}
