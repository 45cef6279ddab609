import { findGuest, type RouteGuest } from "./app-guests.ts";
import type { Config, ConfigError } from "./config/types.ts";
import { toFailure } from "./core/errors.ts";
import type { Provider } from "./core/provider.ts";

/** A valid configuration that can say where each of its keys stands. */
export interface Placed {
  readonly config: Config;
  readonly file: string;
  readonly place: (path: readonly string[]) => { readonly line: number; readonly column: number };
}

const examineTimeoutMs = 30_000;

/** A finding at a key of the file. */
export function toPlacedError(path: readonly string[], message: string, { file, place }: Placed): ConfigError {
  return { file, ...place(path), key: path.join("."), message };
}

export interface Obstacles {
  readonly errors: readonly ConfigError[];
  readonly warnings: readonly ConfigError[];
}

/** What would keep workloads of the file from sleeping and waking; null where the provider cannot tell. */
export async function examine(provider: Provider, source: Placed): Promise<Obstacles | null> {
  if (provider.examine === undefined) return null;
  const own = source.config.workloads.filter((workload) => workload.provider === provider.name);
  const toPath = (ref: string): readonly string[] => {
    const { alias = "", kind = "" } = own.find((workload) => workload.ref === ref) ?? {};
    return ["workloads", alias, kind];
  };
  const needs = own.map(({ ref, stopMethod, wakeTimeoutMs, upstream }) => {
    return { ref, stopMethod, wakeTimeoutMs, needsAddress: upstream?.kind === "port" };
  });
  try {
    const found = await provider.examine(needs, { signal: AbortSignal.timeout(examineTimeoutMs) });
    const of = (level: "error" | "warning"): readonly ConfigError[] =>
      found
        .filter((each) => each.level === level)
        .map(({ ref, message }) => toPlacedError(toPath(ref), message, source));
    return { errors: of("error"), warnings: of("warning") };
  } catch (error) {
    return { errors: [toPlacedError(["providers", provider.name], toFailure(error).message, source)], warnings: [] };
  }
}

/** The machines that routes without a workload lead to, as far as providers know. */
export async function findGuests(
  providers: readonly Provider[],
  source: Placed,
): Promise<{ readonly byRoute: ReadonlyMap<string, RouteGuest>; readonly errors: readonly ConfigError[] }> {
  const byRoute = new Map<string, RouteGuest>();
  const errors: ConfigError[] = [];
  const signal = AbortSignal.timeout(examineTimeoutMs);
  const able = providers.filter(({ locate }) => locate !== undefined);
  for (const route of able.length === 0 ? [] : source.config.routes) {
    if (route.workload !== null) continue;
    const upstream = route.upstream?.kind === "url" ? route.upstream.url : null;
    try {
      const found = await findGuest({ route, upstream, workload: null }, able, signal);
      if (found !== null) byRoute.set(route.alias, found);
      else if (route.node !== undefined)
        errors.push(toPlacedError(["routes", route.alias, "node"], `there is no node "${route.node}"`, source));
    } catch (error) {
      errors.push(toPlacedError(["routes", route.alias], toFailure(error).message, source));
    }
  }
  return { byRoute, errors };
}
