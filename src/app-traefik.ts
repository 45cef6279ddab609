import type { Settings } from "./app-settings.ts";
import type { Clock } from "./core/clock.ts";
import { NodoffError } from "./core/errors.ts";
import type { Logger } from "./core/logger.ts";
import type { Look, Provider } from "./core/provider.ts";
import type { WorkloadSpec } from "./core/spec.ts";
import type { Supervisor } from "./engine/supervisor.ts";
import type { HandOverDeps } from "./engine/workload-parts.ts";
import type { Hook } from "./hook/hook.ts";
import { untilSeenByTraefik } from "./traefik/api.ts";
import { type ConfigDoor, createConfigDoor, type Source, type Sources } from "./traefik/config-door.ts";
import type { TraefikContainer } from "./traefik/container.ts";

export interface TraefikDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly supervisor: Pick<Supervisor, "shown" | "revision" | "workload">;
  readonly hook: Pick<Hook, "admits">;
}

/** An engine that is away when nodoff starts keeps Traefik's routes as they are for so long; then they go without it. */
const firstListMs = 60_000;
const lookupTimeoutMs = 5_000;

/** `/traefik/config` over everything the supervisor knows. */
export function createTraefik(deps: TraefikDeps): ConfigDoor {
  const { clock, supervisor } = deps;
  const startedAt = clock.now();
  /** By provider, container and question; an address that stays is asked for once per incarnation. */
  const addresses = new Map<string, { readonly id: string; readonly address: string }>();
  /** What was there before it was deleted: compose makes it anew under its name. */
  const remembered = new Map<string, Source>();

  function sources(): Sources | null {
    const shown = [...supervisor.shown()].filter(({ provider }) => provider.lastingAddress !== undefined);
    const isEarly = clock.now() - startedAt < firstListMs;
    if (isEarly && shown.some(({ looks }) => looks === null)) return null;
    const containers: Source[] = [];
    const others: Look["labels"][] = [];
    for (const { provider, looks, workloadOf } of shown) {
      for (const look of looks ?? []) {
        const spec = workloadOf(look.refs)?.spec;
        const sleeps = spec !== undefined && spec.sleeps && look.refusal === null;
        if (sleeps || isEnabled(look)) containers.push(toSource(provider, look, sleeps ? spec : undefined));
        else others.push(look.labels);
      }
    }
    return { revision: supervisor.revision, containers: withDeparted(containers), others };
  }

  function withDeparted(present: readonly Source[]): readonly Source[] {
    const names = new Set(present.map(keyOf));
    for (const [key, { alias }] of remembered)
      if (names.has(key) || alias === null || supervisor.workload(alias) === undefined) remembered.delete(key);
    const all = [...present, ...remembered.values()];
    for (const source of present) remembered.set(keyOf(source), source);
    return all.sort((left, right) => (keyOf(left) < keyOf(right) ? -1 : 1));
  }

  async function lastingAddress(source: Source, query: { port: number; byName: boolean }): Promise<string | null> {
    const key = JSON.stringify([keyOf(source), query]);
    const before = addresses.get(key);
    if (before?.id === source.id) return before.address;
    const { provider } = [...supervisor.shown()].find((each) => each.provider.name === source.provider) ?? {};
    const { name } = source.container;
    try {
      const signal = AbortSignal.timeout(lookupTimeoutMs);
      const found = (await provider?.lastingAddress?.(name, query, { signal })) ?? null;
      if (found === null) return null;
      const address = `${found.host.includes(":") ? `[${found.host}]` : found.host}:${found.port}`;
      addresses.set(key, { id: source.id, address });
      return address;
    } catch (error) {
      if (!(error instanceof NodoffError)) throw error;
      // Deleted meanwhile, or the engine is away: where it was is where it will be.
      return before?.address ?? null;
    }
  }

  return createConfigDoor({ ...deps, admits: deps.hook.admits, sources, lastingAddress });
}

/** Hand-over to Traefik's Docker provider. */
export function createHandOver(
  settings: () => Pick<Settings, "config">,
  isLed: (alias: string) => boolean,
): HandOverDeps {
  return {
    isLed,
    untilSeen({ refs, labels }, origin, signal) {
      const { traefik } = settings().config.signals;
      if (traefik === null) return Promise.resolve("unknown");
      return untilSeenByTraefik(traefik.apiUrl, { name: refs[0] ?? "", labels, origin }, signal);
    },
  };
}

function keyOf({ provider, container }: Source): string {
  return `${provider}/${container.name}`;
}

/** Left out for a wrong label, it is let through all the same. */
function isEnabled({ labels }: Look): boolean {
  return /^(?:true|True|TRUE)$/.test(labels["nodoff.enable"] ?? "");
}

/** One container as `/traefik/config` has it; `spec` where nodoff may put it to sleep. */
export function toSource(provider: Provider, look: Look, spec: WorkloadSpec | undefined): Source {
  const { upstream = null } = spec ?? {};
  const [name = look.id] = look.refs;
  const container: TraefikContainer = {
    name,
    labels: look.labels,
    ports: look.ports ?? [],
    sleeps: spec !== undefined,
    port: upstream?.kind === "port" ? upstream.port : null,
    url: upstream?.kind === "url" ? upstream.url : null,
  };
  return { provider: provider.name, container, alias: spec?.alias ?? null, id: look.id };
}
