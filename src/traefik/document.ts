import type { Labels, TraefikContainer, TraefikProblem } from "./container.ts";
import { type LabelNode, nodeAt, type Plain, type PlainMap, toLabelTree } from "./label-tree.ts";
import { ownMiddleware } from "./middlewares.ts";
import { type Elements, translate } from "./translate.ts";

export interface DocumentInput {
  /** Containers nodoff speaks for, in the order in which an earlier one wins. */
  readonly containers: readonly TraefikContainer[];
  /** Labels of all others: their middlewares may be named. */
  readonly others: readonly Labels[];
  /** `host:port` of a container's port; null = none. */
  readonly addressOf: (container: TraefikContainer, port: number) => string | null;
  /** Origin at which the proxy reaches nodoff, such as `http://nodoff:8090`. */
  readonly origin: string;
  /** Where the proxy is to ask, if not there. */
  readonly hook: string;
}

export interface TraefikDocument {
  /** For `providers.http`. */
  readonly config: PlainMap;
  readonly problems: readonly TraefikProblem[];
  /** Names of the containers to which HTTP routers lead. */
  readonly routed: ReadonlySet<string>;
}

type Sections = Record<string, Record<string, Record<string, Plain>>>;

/** The order in which the kits name them, for people who read it. */
const asked = [
  "Accept",
  "Accept-Language",
  "User-Agent",
  "Sec-Fetch-Dest",
  "Sec-Fetch-Mode",
  "Sec-Fetch-Site",
  "Sec-Purpose",
  "Purpose",
  "X-Requested-With",
  "HX-Request",
  "Sec-WebSocket-Key",
  "X-Nodoff-Probe",
];

/**
 * The dynamic configuration for all containers: what is in it is the same for the same labels, whatever the order the
 * engine tells them in. Only keys that Traefik 2.11 knows are nodoff's own. Empty sections are left out: Traefik refuses
 * the whole of it for one.
 */
export function toDocument({ containers, others, addressOf, origin, hook }: DocumentInput): TraefikDocument {
  const problems: TraefikProblem[] = [];
  const definitions = toDefinitions([...containers.map(({ labels }) => labels), ...others]);
  const merged: Sections = ownElements(origin, hook);
  const owners = new Map<string, string>();
  const routed = new Set<string>();
  for (const container of containers) {
    const context = { definitions, addressOf: (port: number) => addressOf(container, port) };
    const translation = translate(container, context);
    problems.push(...translation.problems);
    if (Object.keys(translation.elements["http"]?.["routers"] ?? {}).length > 0) routed.add(container.name);
    merge(merged, translation.elements, (key, isSame) => {
      const owner = owners.get(key);
      if (owner === undefined) owners.set(key, container.name);
      else if (!isSame)
        problems.push({ container: container.name, key, message: `is said otherwise by ${owner}, which counts` });
    });
  }
  resolve(merged);
  return { config: sorted(merged), problems, routed };
}

/** Every middleware that labels define. */
function toDefinitions(all: readonly Labels[]): ReadonlyMap<string, LabelNode> {
  const definitions = new Map<string, LabelNode>();
  for (const labels of all) {
    const tree = toLabelTree(labels);
    const nodes = tree.ok ? nodeAt(tree.root, "http", "middlewares")?.children.values() : undefined;
    for (const node of nodes ?? []) if (!definitions.has(node.name)) definitions.set(node.name, node);
  }
  return definitions;
}

/** nodoff's middleware, and the way of the loading page past the hook. */
function ownElements(origin: string, hook: string): Sections {
  const forwardAuth = { address: `${hook}/auth/traefik`, trustForwardHeader: "false", authRequestHeaders: asked };
  return {
    http: {
      middlewares: { [ownMiddleware]: { forwardAuth } },
      routers: {
        "nodoff-pages": { rule: "PathPrefix(`/.nodoff/`)", priority: "100000", service: ownMiddleware },
      },
      services: { [ownMiddleware]: { loadBalancer: { servers: [{ url: origin }] } } },
    },
  };
}

/** Adds elements; the first of a name stays, but replicas of one service add their servers. */
function merge(into: Sections, elements: Elements, note: (key: string, isSame: boolean) => void): void {
  for (const [protocol, sections] of Object.entries(elements)) {
    const known = (into[protocol] ??= {});
    for (const [section, named] of Object.entries(sections)) {
      const entries = (known[section] ??= {});
      for (const [name, element] of Object.entries(named)) {
        const before = entries[name];
        const both = before !== undefined && section === "services" ? withServers(before, element) : null;
        entries[name] = both ?? before ?? element;
        const isSame = before === undefined || both !== null || JSON.stringify(before) === JSON.stringify(element);
        note(`traefik.${protocol}.${section}.${name}`, isSame);
      }
    }
  }
}

/** One service of several containers; null where they differ in more than their servers. */
function withServers(left: Plain, right: Plain): Plain | null {
  const [ours, theirs] = [serversOf(left), serversOf(right)];
  if (JSON.stringify(ours.rest) !== JSON.stringify(theirs.rest)) return null;
  const servers = new Map([...ours.servers, ...theirs.servers].map((server) => [JSON.stringify(server), server]));
  return { ...ours.rest, loadBalancer: { ...ours.balancer, servers: [...servers.values()] } };
}

function serversOf(service: Plain): {
  readonly rest: PlainMap;
  readonly balancer: PlainMap;
  readonly servers: readonly Plain[];
} {
  const { loadBalancer = {}, ...others } = isMap(service) ? service : {};
  const { servers = [], ...balancer } = isMap(loadBalancer) ? loadBalancer : {};
  return { rest: { ...others, loadBalancer: balancer }, balancer, servers: Array.isArray(servers) ? servers : [] };
}

function isMap(value: Plain): value is PlainMap {
  return typeof value === "object" && !Array.isArray(value);
}

/**
 * Names without a provider meant the Docker provider's. What moved here is named plainly now; what did not, is still
 * there.
 */
function resolve(sections: Sections): void {
  for (const [protocol, { routers = {}, services = {}, middlewares = {} }] of Object.entries(sections)) {
    if (protocol === "tls") continue;
    const to = (known: Readonly<Record<string, Plain>>) => (name: Plain) => {
      if (typeof name !== "string" || name === "") return name;
      const [plain = "", provider = "docker"] = name.split("@");
      if (provider !== "docker") return name;
      return Object.hasOwn(known, plain) ? plain : `${plain}@docker`;
    };
    const [toService, toMiddleware] = [to(services), to(middlewares)];
    const eachMiddleware = (list: Plain): Plain =>
      (typeof list === "string" ? list.split(",").map((each) => each.trim()) : Array.isArray(list) ? list : []).map(
        toMiddleware,
      );
    for (const [name, router] of Object.entries(routers))
      routers[name] = at(at(router, ["service"], toService), ["middlewares"], eachMiddleware);
    for (const [name, middleware] of Object.entries(middlewares))
      middlewares[name] = at(
        at(middleware, ["chain", "middlewares"], eachMiddleware),
        ["errors", "service"],
        toService,
      );
  }
}

/** The value with what stands at a path (names in any case) changed. */
function at(value: Plain, path: readonly string[], change: (found: Plain) => Plain): Plain {
  const [step, ...rest] = path;
  if (step === undefined) return change(value);
  if (!isMap(value)) return value;
  const key = Object.keys(value).find((name) => name.toLowerCase() === step);
  const found = key === undefined ? undefined : value[key];
  return key === undefined || found === undefined ? value : { ...value, [key]: at(found, rest, change) };
}

/** Names in order, so that the same content is the same text. */
function sorted(sections: Sections): PlainMap {
  const byName = <T>(map: Readonly<Record<string, T>>): [string, T][] =>
    Object.entries(map).sort(([left], [right]) => (left < right ? -1 : 1));
  return Object.fromEntries(
    byName(sections).map(([protocol, parts]) => [
      protocol,
      Object.fromEntries(
        byName(parts)
          .filter(([, named]) => Object.keys(named).length > 0)
          .map(([section, named]) => [section, Object.fromEntries(byName(named))]),
      ),
    ]),
  );
}
