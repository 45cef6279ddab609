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
const patienceMs = 1_000;

/**
 * Resolves once Traefik's API shows every service of the container up, at the host it answers at now; not before
 * `signal` aborts where the API does not answer, or Traefik reaches the container elsewhere. Never rejects.
 */
export async function untilSeenByTraefik(apiUrl: string, started: Started, signal: AbortSignal): Promise<void> {
  const missing = new Set(servicesOf(started));
  const host = started.origin === null ? null : new URL(started.origin).hostname;
  while (!signal.aborted) {
    for (const name of missing)
      if (await isUp(`${apiUrl}/api/http/services/${name}@docker`, host, signal)) missing.delete(name);
    if (missing.size === 0) return;
    await delay(askEveryMs, undefined, { signal }).catch(() => undefined);
  }
  await new Promise(() => undefined);
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

async function isUp(url: string, host: string | null, signal: AbortSignal): Promise<boolean> {
  try {
    const answer = await fetch(url, { signal: AbortSignal.any([signal, AbortSignal.timeout(patienceMs)]) });
    if (!answer.ok) {
      await answer.body?.cancel();
      return false;
    }
    const { serverStatus = {} } = Service.parse(await answer.json());
    return Object.entries(serverStatus).some(
      ([server, status]) =>
        status === "UP" && URL.canParse(server) && (host === null || new URL(server).hostname === host),
    );
  } catch {
    // Not there, or not as it should be: then it gets the time it needs at most.
    return false;
  }
}
