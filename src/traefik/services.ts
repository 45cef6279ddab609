import type { TraefikContainer } from "./container.ts";
import { type LabelNode, type Plain, type PlainMap, textAt, toPlain } from "./label-tree.ts";
import { known } from "./vocabulary.ts";

export type ServiceReading =
  | { readonly ok: true; readonly service: PlainMap; readonly withoutCheck: boolean }
  | { readonly ok: false; readonly why: string };

export interface ServiceContext {
  readonly protocol: "http" | "tcp" | "udp";
  readonly container: TraefikContainer;
  readonly addressOf: (port: number) => string | null;
  /** The container's only service: then the address nodoff's configuration names is its own. */
  readonly isOnly: boolean;
}

/** A service with the address of its one server; Traefik would take that from the running container. */
export function toService(node: LabelNode, context: ServiceContext): ServiceReading {
  const balancer = node.children.get("loadbalancer");
  if (balancer === undefined) return { ok: false, why: "has no loadbalancer: Traefik would not take the container" };
  const server = toServer(balancer, context);
  if (typeof server === "string") return { ok: false, why: server };
  const loadBalancer: Record<string, Plain> = {};
  // A check would find a sleeping server down, and leave it out for up to its interval after the wake.
  const left = context.container.sleeps ? ["server", "healthcheck", "passivehealthcheck"] : ["server"];
  for (const [key, child] of balancer.children)
    if (!left.includes(key)) loadBalancer[known.loadBalancer.get(key) ?? child.name] = toPlain(child);
  const others = [...node.children].filter(([key]) => key !== "loadbalancer");
  const service = Object.fromEntries(others.map(([, child]) => [child.name, toPlain(child)]));
  const withoutCheck = left.slice(1).some((key) => balancer.children.has(key));
  return { ok: true, withoutCheck, service: { ...service, loadBalancer: { ...loadBalancer, servers: [server] } } };
}

/** The server, or why there is none. */
function toServer(balancer: LabelNode, { protocol, container, addressOf, isOnly }: ServiceContext): PlainMap | string {
  const node = balancer.children.get("server");
  const more = Object.fromEntries(
    [...(node?.children ?? [])]
      .filter(([key]) => !["port", "scheme", "url"].includes(key))
      .map(([, child]) => [child.name, toPlain(child)]),
  );
  const url = textAt(node, "url");
  const scheme = textAt(node, "scheme");
  const port = textAt(node, "port");
  if (url !== null && protocol === "http") {
    const isDouble = scheme !== null || port !== null;
    return isDouble ? "names url besides scheme or port: Traefik would not take the container" : { ...more, url };
  }
  if (protocol === "http" && container.url !== null && (port === null || isOnly))
    return { ...more, url: container.url };
  const wanted = port === null ? (container.port ?? container.ports[0] ?? null) : toPort(port);
  if (wanted === null)
    return port === null ? "its container names no port: say loadbalancer.server.port" : `"${port}" is not a port`;
  const address = addressOf(wanted);
  if (address === null)
    return `port ${wanted} has no address that is known while it sleeps: publish it, share a network with nodoff, or say nodoff.upstream`;
  return protocol === "http" ? { ...more, url: `${scheme ?? "http"}://${address}` } : { ...more, address };
}

function toPort(text: string): number | null {
  const port = Number(text);
  return /^\d{1,5}$/.test(text) && port >= 1 && port <= 65_535 ? port : null;
}

/** The ports whose addresses a container's services need. */
export function portsNeeded(container: TraefikContainer): readonly number[] {
  const asked = Object.entries(container.labels).flatMap(([key, text]) => {
    const isPort = /^traefik\.(?:http|tcp|udp)\.services\.[^.]+\.loadbalancer\.server\.port$/i.test(key);
    return isPort ? (toPort(text) ?? []) : [];
  });
  const fallback = container.port ?? container.ports[0];
  return [...new Set(fallback === undefined ? asked : [...asked, fallback])];
}
