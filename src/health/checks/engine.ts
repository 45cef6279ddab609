import type { EngineHealth } from "../../core/provider.ts";
import { type Check, passed } from "./check.ts";

/**
 * What the engine's own health check says (Docker HEALTHCHECK), followed by its events: nothing is asked here. Where it
 * cannot say (no check, still starting, link lost) `otherwise` is asked, until it can again.
 */
export function createEngineCheck(health: () => EngineHealth | null, otherwise: Check): Check {
  return (options) => {
    switch (health()) {
      case "healthy":
        return Promise.resolve({ ...passed("healthy by its own check"), untimed: true });
      case "unhealthy":
        // It has its own number of retries behind it.
        return Promise.resolve({
          outcome: { kind: "fail", decisive: true },
          detail: "unhealthy by its own check",
          untimed: true,
        });
      case "none":
      case "starting":
      case null:
        return otherwise(options);
    }
  };
}
