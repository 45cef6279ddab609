import { toSource } from "./app-traefik.ts";
import type { Config, ConfigError } from "./config/types.ts";
import type { Look, Provider } from "./core/provider.ts";
import type { RouteSpec, WorkloadSpec } from "./core/spec.ts";
import { isLoopback } from "./net/trust.ts";
import { isRoutedByConfig } from "./traefik/api.ts";
import { findAddresses, type Source } from "./traefik/config-door.ts";
import type { TraefikProblem } from "./traefik/container.ts";
import { toDocument } from "./traefik/document.ts";

/** What `check` has seen. */
export interface TraefikCheck {
  readonly config: Config;
  readonly workloads: readonly WorkloadSpec[];
  readonly routes: readonly RouteSpec[];
  readonly seen: readonly { readonly provider: Provider; readonly looks: readonly Look[] }[];
}

/**
 * What `/traefik/config` leaves out of containers' labels, or says otherwise. Nothing where Traefik does not take its
 * routes from there: neither a `nodoff.hand_over: url` beside its labels nor its own API (`signals.traefik`) says so.
 */
export async function leftOutForTraefik(check: TraefikCheck): Promise<readonly ConfigError[]> {
  const { config, seen } = check;
  if (!(await isFed(check))) return [];
  const mine: Source[] = [];
  const others: Look["labels"][] = [];
  for (const { provider, looks } of seen.filter((each) => each.provider.lastingAddress !== undefined)) {
    for (const look of looks) {
      const spec = specOf(check, provider.name, look);
      if (spec?.sleeps === true && look.refusal === null) mine.push(toSource(provider, look, spec));
      else others.push(look.labels);
    }
  }
  const byName = !isLoopback(config.listen.hook.host);
  const addresses = await findAddresses(mine, byName, async ({ provider: name, container }, query) => {
    const { provider } = seen.find((each) => each.provider.name === name) ?? {};
    const options = { signal: AbortSignal.timeout(lookupTimeoutMs) };
    const found = await provider?.lastingAddress?.(container.name, query, options).catch(() => null);
    return found == null ? null : `${found.host}:${found.port}`;
  });
  const { problems } = toDocument({
    containers: mine.map(({ container }) => container),
    others,
    addressOf: (container, port) => addresses.get(container)?.get(port) ?? null,
    origin: "http://nodoff",
    hook: "http://nodoff",
  });
  return problems.map(toWarning);
}

const lookupTimeoutMs = 5_000;

/** Said by a container whose routes are in Traefik's labels, or by Traefik. */
async function isFed({ config, routes, seen }: TraefikCheck): Promise<boolean> {
  const looks = seen.flatMap((each) => each.looks).filter(isRoutedByLabels);
  if (looks.length === 0) return false;
  if (looks.some(({ labels }) => labels["nodoff.hand_over"] === "url")) return true;
  const { traefik } = config.signals;
  if (traefik === null) return false;
  for (const { hosts, workload } of routes)
    if (workload !== null && (await isRoutedByConfig(traefik.apiUrl, hosts))) return true;
  return false;
}

function isRoutedByLabels({ labels }: Look): boolean {
  return Object.keys(labels).some((key) => /^traefik\.(?:http|tcp|udp)\.routers\./i.test(key));
}

function specOf({ workloads }: TraefikCheck, provider: string, { refs }: Look): WorkloadSpec | undefined {
  return workloads.find((spec) => spec.provider === provider && refs.includes(spec.ref));
}

function toWarning({ container, key, message }: TraefikProblem): ConfigError {
  return { file: `label ${container}`, line: 0, column: 0, key, message: `/traefik/config: ${message}` };
}
