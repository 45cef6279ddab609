import { stringify } from "yaml";
import { type SnippetInput, type SnippetRoute, type SnippetSite, toUrl } from "./sites.ts";

/** All that nodoff looks at; X-Forwarded-* come anyway. */
const looksAt = [
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

/** A file for Traefik's file provider. */
export function toTraefik({ sites, nodoff, failOpen }: SnippetInput): string {
  const routes = sites.flatMap((site) => site.routes.map((route) => [site, route] as const));
  const stripped = routes.flatMap(([, { path, stripPath }]) => (stripPath && path !== "/" ? [path] : []));
  const http = {
    routers: {
      ...Object.fromEntries(routes.map(([site, route]) => [route.alias, toRouter(site, route)])),
      // The loading page's channel, past the hook.
      "nodoff-pages": { rule: "PathPrefix(`/.nodoff/`)", priority: 100000, service: "nodoff" },
    },
    middlewares: {
      nodoff: {
        forwardAuth: {
          address: `http://${failOpen ? "127.0.0.1:8099" : nodoff}/auth/traefik`,
          trustForwardHeader: false,
          maxResponseBodySize: 262144,
          authRequestHeaders: looksAt,
        },
      },
      ...Object.fromEntries(stripped.map((path) => [toStrip(path), { stripPrefix: { prefixes: [path] } }])),
    },
    services: {
      ...Object.fromEntries(
        routes.map(([, { alias, app }]) => [alias, toService(app.by === "nodoff" ? null : toUrl(app))]),
      ),
      nodoff: toService(`http://${nodoff}`),
    },
  };
  const head = [
    "# nodoff for Traefik (>= 3.6.9): a file for providers.file. Entry points and TLS are yours to add; a login's middleware",
    "# comes before nodoff, prefix strippers after it.",
    ...(failOpen
      ? ["# Fail-open: with traefik/fail-open.yml of nodoff beside it, and the static options it names."]
      : []),
  ];
  return [...head, stringify({ http }, { lineWidth: 0 }).trimEnd()].join("\n");
}

function toRouter({ hosts }: SnippetSite, { alias, path, stripPath }: SnippetRoute): object {
  const host = hosts.map(toRule).join(" || ");
  const rule = path === "/" ? host : `${hosts.length > 1 ? `(${host})` : host} && ${toPrefix(path)}`;
  // A stripper comes after nodoff, which is told the address as it was asked for.
  const middlewares = stripPath && path !== "/" ? ["nodoff", toStrip(path)] : ["nodoff"];
  return { rule, ...(hosts.includes("*") ? { priority: 1 + path.length } : {}), middlewares, service: alias };
}

/** On segment boundaries, which `PathPrefix` alone does not keep to. */
function toPrefix(path: string): string {
  return `(Path(\`${path}\`) || PathPrefix(\`${path}/\`))`;
}

function toRule(host: string): string {
  if (host === "*") return "PathPrefix(`/`)";
  if (host.startsWith("**.")) return `HostRegexp(\`^.+${escape(host.slice(2))}$\`)`;
  if (host.startsWith("*.")) return `HostRegexp(\`^[^.]+${escape(host.slice(1))}$\`)`;
  return `Host(\`${host}\`)`;
}

function escape(text: string): string {
  return text.replaceAll(".", String.raw`\.`);
}

function toStrip(path: string): string {
  return `strip${path.replaceAll(/[^\w]+/g, "-")}`;
}

function toService(url: string | null): object {
  return { loadBalancer: { servers: [{ url: url ?? "http://ADDRESS:PORT" }] } };
}
