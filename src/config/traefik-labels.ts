import type { UpstreamSpec } from "../core/spec.ts";
import { parseOrigin } from "./addresses.ts";
import { isPort, needsHost } from "./foreign-door.ts";
import type { ForeignDoor, ForeignDoors, Labels } from "./foreign-door.ts";
import { parseTraefikRule } from "./traefik-rule.ts";

interface Router {
  rule?: { readonly key: string; readonly text: string };
  service?: string;
}

interface Service {
  port?: string;
  scheme?: string;
  url?: string;
}

/** Traefik takes keys in any case; the names of routers and services keep theirs. */
const routerKey = /^traefik\.http\.routers\.([^.]+)\.(rule|service)$/i;
const serviceKey = /^traefik\.http\.services\.([^.]+)\.(?:loadbalancer\.server\.(port|scheme|url)$)?/i;

/** The doors of every HTTP router among the labels, each with the address its service names. */
export function readTraefikLabels(labels: Labels): ForeignDoors {
  const routers = new Map<string, Router>();
  const services = new Map<string, Service>();
  let enabled: boolean | undefined;
  let otherProtocols = false;
  for (const [key, text] of Object.entries(labels)) {
    const [, router, routerField = ""] = routerKey.exec(key) ?? [];
    if (router !== undefined) {
      const field = routerField.toLowerCase();
      routers.set(router, {
        ...routers.get(router),
        ...(field === "rule" ? { rule: { key, text } } : { service: text }),
      });
    }
    const [, service, serviceField] = serviceKey.exec(key) ?? [];
    if (service !== undefined) {
      const field = serviceField === undefined ? {} : { [serviceField.toLowerCase()]: text };
      services.set(service, { ...services.get(service), ...field });
    }
    if (key.toLowerCase() === "traefik.enable") enabled = text.toLowerCase() === "true";
    otherProtocols ||= /^traefik\.(?:tcp|udp)\.routers\./i.test(key);
  }
  if (enabled === false) return { doors: [], problems: [] };
  const readings = [...routers].map(([, router]) => readRouter(router, services));
  const doors = readings.flatMap((reading) => reading.doors);
  const problems = readings.flatMap((reading) => reading.problems);
  const hasRule = [...routers.values()].some((router) => router.rule !== undefined);
  // Its rule is then Traefik's own `defaultRule`, which only Traefik knows.
  if (!hasRule && ((enabled === true && !otherProtocols) || services.size > 0))
    problems.push({ key: "traefik.enable", message: `no router has a rule: ${needsHost}` });
  return { doors, problems };
}

function readRouter({ rule, service }: Router, services: ReadonlyMap<string, Service>): ForeignDoors {
  // `api@internal` and its like are Traefik itself, not this container.
  if (rule === undefined || service?.includes("@internal") === true) return { doors: [], problems: [] };
  const reading = parseTraefikRule(rule.text);
  if (!reading.ok)
    return { doors: [], problems: [{ key: rule.key, message: `cannot be read (${reading.why}): ${needsHost}` }] };
  const upstream = toUpstream(service, services);
  if (upstream === undefined)
    return {
      doors: [],
      problems: [
        {
          key: rule.key,
          message: `its service is not among the labels of this container, or has no address that can be used: ${needsHost}`,
        },
      ],
    };
  const doors = reading.doors.map(({ host, path }): ForeignDoor => ({ origin: "traefik", host, path, upstream }));
  return { doors, problems: [] };
}

/** A router without `service` uses the only one there is; Traefik drops it where there are several. */
function toUpstream(name: string | undefined, services: ReadonlyMap<string, Service>): UpstreamSpec | undefined {
  const [only = {}] = services.values();
  const service =
    name === undefined ? (services.size > 1 ? undefined : only) : services.get(name.replace(/@docker$/, ""));
  if (service === undefined) return undefined;
  const { port, scheme = "http", url } = service;
  if (url !== undefined) {
    const origin = parseOrigin(url, ["http", "https", "h2c"]);
    return origin === undefined ? undefined : { kind: "url", url: origin };
  }
  if (scheme !== "http" && scheme !== "https" && scheme !== "h2c") return undefined;
  if (port !== undefined && !isPort(port)) return undefined;
  return { kind: "port", port: port === undefined ? null : Number(port), scheme };
}
