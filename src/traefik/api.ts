import { setTimeout as delay } from "node:timers/promises";
import { z } from "zod";
import type { Labels } from "./container.ts";
import { nodeAt, toLabelTree } from "./label-tree.ts";
import { defaultName } from "./names.ts";

/** A container that has just started. */
export interface Started {
  readonly name: string;
  readonly labels: Labels;
  /** Where it answers, as nodoff sees it; null = nobody asks it. */
  readonly origin: string | null;
}

const Service = z.object({ serverStatus: z.record(z.string(), z.string()).optional() });
const askEveryMs = 50;
const patienceMs = 3_000;
const elsewhereMs = 2_000;

/**
 * Resolves with `seen` once Traefik's API shows every service of the container up, at the host it answers at now; after
 * 2 s at any host, since Traefik may reach it by another network. With `unknown` when the API does not answer, or
 * `signal` aborts. Never rejects.
 */
export async function untilSeenByTraefik(
  apiUrl: string,
  started: Started,
  signal: AbortSignal,
): Promise<"seen" | "unknown"> {
  const services = servicesOf(started);
  const host = started.origin === null ? null : new URL(started.origin).hostname;
  const elsewhere = AbortSignal.timeout(elsewhereMs);
  for (let times = 0; !signal.aborted;) {
    let missing = 0;
    for (const name of services) {
      const up = await hostsUp(apiUrl, name, signal);
      if (up === null) return "unknown";
      if (host === null || elsewhere.aborted ? up.length === 0 : !up.includes(host)) missing++;
    }
    times = missing === 0 ? times + 1 : 0;
    // Traefik changes its entry points one after the other, and the API may stand at the first of them.
    if (times === 2) return "seen";
    await delay(askEveryMs, undefined, { signal }).catch(() => undefined);
  }
  return "unknown";
}

const Routers = z.array(z.object({ provider: z.string(), rule: z.string() }));

/**
 * Whether Traefik has routers for all of these hosts from `/traefik/config`; false also where its API does not answer.
 */
export async function isRoutedByConfig(apiUrl: string, hosts: readonly string[]): Promise<boolean> {
  try {
    const signal = AbortSignal.timeout(patienceMs);
    const answer = await fetch(`${apiUrl}/api/http/routers?per_page=10000&search=@http`, { signal });
    const rules = Routers.parse(await answer.json()).flatMap(({ provider, rule }) => (provider === "http" ? rule : []));
    return hosts.length > 0 && hosts.every((host) => rules.some((rule) => rule.includes(host)));
  } catch {
    return false;
  }
}

function servicesOf({ name, labels }: Started): readonly string[] {
  const tree = toLabelTree(labels);
  const named = tree.ok ? [...(nodeAt(tree.root, "http", "services")?.children.values() ?? [])] : [];
  return named.length > 0 ? named.map((node) => node.name) : [defaultName(name, labels)];
}

/** The hosts of a service's servers that are up; null = the API does not say. */
async function hostsUp(apiUrl: string, service: string, signal: AbortSignal): Promise<readonly string[] | null> {
  const url = `${apiUrl}/api/http/services/${encodeURIComponent(`${service}@docker`)}`;
  try {
    const answer = await fetch(url, { signal: AbortSignal.any([signal, AbortSignal.timeout(patienceMs)]) });
    if (!answer.ok) {
      await answer.body?.cancel();
      return answer.status === 404 ? [] : null;
    }
    const { serverStatus = {} } = Service.parse(await answer.json());
    const up = Object.entries(serverStatus).filter(([server, status]) => status === "UP" && URL.canParse(server));
    return up.map(([server]) => new URL(server).hostname);
  } catch {
    return null;
  }
}
