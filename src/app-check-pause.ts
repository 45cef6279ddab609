import { type Placed, toPlacedError } from "./app-examine.ts";
import type { ConfigError } from "./config/types.ts";
import type { RouteSpec, WorkloadSpec } from "./core/spec.ts";
import { isRoutedByConfig } from "./traefik/api.ts";

const mend =
  "Traefik's Docker provider keeps a paused container's address, and whoever asks hangs: take stop_method stop, or let Traefik " +
  "find it another way (/traefik/config, or its address on nodoff's container or in a file) and say hand_over: url";

/**
 * Workloads that are to be paused although their route comes from Traefik's Docker provider. With
 * `signals.traefik.api_url` Traefik is asked whether it takes that route from `/traefik/config` instead.
 */
export async function pausesThatHang(
  workloads: readonly WorkloadSpec[],
  routes: readonly RouteSpec[],
  source: Placed,
): Promise<readonly ConfigError[]> {
  const { traefik } = source.config.signals;
  const errors: ConfigError[] = [];
  for (const spec of workloads) {
    const { stopMethod, deeper, alias } = spec;
    if (stopMethod !== "pause" && !deeper.some(({ method }) => method === "pause")) continue;
    const doors = routes.filter(({ workload, door }) => workload === alias && door.handOver !== "url");
    if (doors.length === 0) continue;
    const isAuto = doors.every(({ door }) => door.handOver === "auto");
    const hosts = doors.flatMap((door) => door.hosts);
    if (isAuto && traefik !== null && (await isRoutedByConfig(traefik.apiUrl, hosts))) continue;
    errors.push(toError(spec, source));
  }
  return errors;
}

function toError({ alias, source: from, ref, deeper }: WorkloadSpec, source: Placed): ConfigError {
  const key = deeper.length > 0 ? "tiers" : "stop_method";
  if (from === "file") return toPlacedError(["workloads", alias, key], mend, source);
  return { file: `label ${ref}`, line: 0, column: 0, key: `nodoff.${key}`, message: mend };
}
