import type { TraefikContainer, TraefikProblem } from "./container.ts";
import {
  type LabelNode,
  nodeAt,
  type Plain,
  type PlainMap,
  textAt,
  toLabelTree,
  toList,
  toPlain,
} from "./label-tree.ts";
import { type Definitions, ownMiddleware, withNodoff } from "./middlewares.ts";
import { defaultName } from "./names.ts";
import { toService } from "./services.ts";
import { known, type Vocabulary } from "./vocabulary.ts";

/** Elements by name, by their section (`routers`), by protocol (`http`). */
export type Elements = Readonly<Record<string, Readonly<Record<string, Readonly<Record<string, Plain>>>>>>;

export interface Translation {
  readonly elements: Elements;
  readonly problems: readonly TraefikProblem[];
}

export interface TranslateContext {
  /** `host:port` at which the proxy reaches a port of the container, awake or not; null = there is none. */
  readonly addressOf: (port: number) => string | null;
  /** Middlewares of all containers of the engine. */
  readonly definitions: Definitions;
}

type Report = (key: string, message: string) => void;
type Section = Record<string, Plain>;

const protocols = ["http", "tcp", "udp"] as const;
type Protocol = (typeof protocols)[number];

/** Traefik's own words for a boolean that is off (strconv.ParseBool). */
const off = /^(?:0|f|F|false|False|FALSE)$/;

/**
 * What Traefik's Docker provider would make of one container's labels, with addresses that stay the same while it
 * sleeps and, for what nodoff may put to sleep, with nodoff's middleware on each HTTP router.
 */
export function translate(container: TraefikContainer, context: TranslateContext): Translation {
  const problems: TraefikProblem[] = [];
  const report: Report = (key, message) => void problems.push({ container: container.name, key, message });
  if (isOff(container)) return { elements: {}, problems };
  const tree = toLabelTree(container.labels);
  if (!tree.ok) {
    report(tree.key, `${tree.why}: Traefik would not take the container`);
    return { elements: {}, problems };
  }
  const elements: Record<string, Record<string, Section>> = {};
  for (const protocol of protocols) {
    const node = tree.root.children.get(protocol);
    if (isLeftAlone(protocol, tree.root)) continue;
    const part = toProtocol({ protocol, node, container, context, report });
    if (Object.keys(part).length > 0) elements[protocol] = part;
  }
  const tls = tree.root.children.get("tls");
  if (tls !== undefined) elements["tls"] = sectionsOf(tls, []);
  return { elements, problems };
}

/** Whether Traefik is told to leave the container alone. */
function isOff({ labels }: TraefikContainer): boolean {
  return Object.entries(labels).some(([key, text]) => key.toLowerCase() === "traefik.enable" && off.test(text));
}

/** TCP and UDP are there only where labels say so, and HTTP then not by itself. */
function isLeftAlone(protocol: Protocol, root: LabelNode): boolean {
  const uses = (each: Protocol, sections: readonly string[]): boolean =>
    sections.some((section) => (nodeAt(root, each, section)?.children.size ?? 0) > 0);
  if (protocol !== "http") return !uses(protocol, ["routers", "services"]);
  const isOther = uses("tcp", ["routers", "services"]) || uses("udp", ["routers", "services"]);
  return isOther && !uses("http", ["routers", "services", "middlewares"]);
}

interface Part {
  readonly protocol: Protocol;
  readonly node: LabelNode | undefined;
  readonly container: TraefikContainer;
  readonly context: TranslateContext;
  readonly report: Report;
}

function toProtocol(part: Part): Record<string, Section> {
  const { node, protocol, report } = part;
  const services = toServices(part);
  const sections: Record<string, Section> = { ...sectionsOf(node, ["routers", "services"]) };
  if (services === null) return {};
  const routers = toRouters(part, Object.keys(services));
  if (routers === null) return {};
  if (Object.keys(routers).length > 0) sections["routers"] = routers;
  if (Object.keys(services).length > 0) sections["services"] = services;
  if (protocol === "http")
    for (const [name, middleware] of node?.children.get("middlewares")?.children ?? [])
      for (const child of middleware.children.values())
        noteUnknown(child, known.middleware, { key: `traefik.http.middlewares.${name}`, report });
  return sections;
}

/** Everything below a protocol but `but`, as it is. */
function sectionsOf(node: LabelNode | undefined, but: readonly string[]): Record<string, Section> {
  const sections: Record<string, Section> = {};
  for (const [key, section] of node?.children ?? []) {
    if (but.includes(key) || section.children.size === 0) continue;
    const named = [...section.children.values()].map((child) => [child.name, toPlain(child)] as const);
    sections[key === "serverstransports" ? "serversTransports" : key] = Object.fromEntries(named);
  }
  return sections;
}

/** null: Traefik would not take the container. */
function toServices({ protocol, node, container, context, report }: Part): Section | null {
  const nodes = [...(node?.children.get("services")?.children.values() ?? [])];
  const named = nodes.length > 0 ? nodes : [emptyService(defaultName(container.name, container.labels))];
  const services: Section = {};
  for (const each of named) {
    const key = `traefik.${protocol}.services.${each.name}`;
    const reading = toService(each, { protocol, container, addressOf: context.addressOf, isOnly: named.length === 1 });
    if (!reading.ok) {
      report(key, reading.why);
      return null;
    }
    if (protocol === "http") {
      for (const child of each.children.values()) noteUnknown(child, known.service, { key, report });
      for (const child of each.children.get("loadbalancer")?.children.values() ?? [])
        noteUnknown(child, known.loadBalancer, { key: `${key}.loadbalancer`, report });
    }
    if (reading.withoutCheck)
      report(
        `${key}.loadbalancer.healthcheck`,
        "left out: it would find a sleeping server down, and keep it out after the wake",
      );
    services[each.name] = reading.service;
  }
  return services;
}

function emptyService(name: string): LabelNode {
  const loadBalancer: LabelNode = { name: "loadbalancer", text: null, children: new Map() };
  return { name, text: null, children: new Map([["loadbalancer", loadBalancer]]) };
}

/** null: Traefik would not take the container. */
function toRouters(part: Part, services: readonly string[]): Section | null {
  const { protocol, node, container, report } = part;
  const nodes = [...(node?.children.get("routers")?.children.values() ?? [])];
  const routers: Section = {};
  if (nodes.length === 0 && protocol === "http")
    report("traefik.http.routers", `no router has a rule, and Traefik's own defaultRule is not known here: write one`);
  for (const router of nodes) {
    const key = `traefik.${protocol}.routers.${router.name}`;
    const priority = textAt(router, "priority");
    if (priority !== null && !/^-?\d+$/.test(priority)) {
      report(`${key}.priority`, `"${priority}" is not a number: Traefik would not take the container`);
      return null;
    }
    const made = toRouter(router, { ...part, key, services });
    if (made !== null) routers[router.name] = made;
  }
  if (container.sleeps && protocol !== "http" && Object.keys(routers).length > 0)
    report(
      `traefik.${protocol}.routers`,
      `a sleeping container is not woken through ${protocol}: only HTTP asks first`,
    );
  return routers;
}

function toRouter(
  router: LabelNode,
  { protocol, container, context, report, key, services }: Part & { key: string; services: readonly string[] },
): PlainMap | null {
  const rule = textAt(router, "rule");
  // UDP routers have none: their entry point is all they listen to.
  if (protocol !== "udp" && (rule === null || rule === "")) {
    report(key, "has no rule, and Traefik's own defaultRule is not known here: write one");
    return null;
  }
  const [only, ...more] = services;
  const service = textAt(router, "service") ?? (more.length === 0 ? only : undefined);
  if (service === undefined || service === "") {
    report(key, `names no service, and there are several (${services.join(", ")})`);
    return null;
  }
  if (protocol === "http")
    for (const child of router.children.values()) noteUnknown(child, known.router, { key, report });
  const own = toList(textAt(router, "middlewares"));
  const asks = protocol === "http" && container.sleeps && !service.endsWith("@internal");
  const placed = asks ? withNodoff(own, context.definitions, ownMiddleware) : { middlewares: own, warnings: [] };
  for (const warning of placed.warnings) report(`${key}.middlewares`, warning);
  const entryPoints = toList(textAt(router, "entrypoints"));
  const plain: Section = {};
  for (const [name, child] of router.children) plain[known.router.get(name) ?? child.name] = toPlain(child);
  delete plain["middlewares"];
  delete plain["entryPoints"];
  return {
    ...plain,
    service,
    ...(entryPoints.length > 0 && { entryPoints }),
    ...(placed.middlewares.length > 0 && { middlewares: placed.middlewares }),
  };
}

function noteUnknown(
  { name }: LabelNode,
  vocabulary: Vocabulary,
  { key, report }: { readonly key: string; readonly report: Report },
): void {
  if (vocabulary.has(name.toLowerCase())) return;
  report(`${key}.${name}`, "passed on as it is; a Traefik that does not know it refuses the whole configuration");
}
