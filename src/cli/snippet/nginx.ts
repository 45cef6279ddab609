import type { SnippetInput, SnippetRoute, SnippetSite } from "./sites.ts";

/** Server blocks for nginx; they include the kit's files. */
export function toNginx({ sites, nodoff, failOpen }: SnippetInput): string {
  const marks = failOpen
    ? ["#", "# Fail-open: take its marks away.", `#   sed -i 's/${mark(sites)}//' nodoff/*.conf`]
    : [];
  return [
    "# nodoff for nginx. Needs the directory `nginx` of nodoff as /etc/nginx/nodoff, with nodoff's address in it:",
    `#   sed -i 's/127.0.0.1:8090/${nodoff}/' nodoff/nodoff-http.conf`,
    ...marks,
    "# Then this file as /etc/nginx/conf.d/nodoff.conf; `listen` and certificates are yours to add.",
    "include nodoff/nodoff-http.conf;",
    ...sites.flatMap((site) => ["", ...toServer(site)]),
  ].join("\n");
}

/** Where nodoff says the address, its last answer has to be kept. */
function mark(sites: readonly SnippetSite[]): string {
  return sites.some(({ routes }) => routes.some(({ app }) => app.by === "nodoff")) ? "# cached: " : "# fail-open: ";
}

function toServer({ hosts, routes }: SnippetSite): readonly string[] {
  return [
    "server {",
    "    listen 80;",
    `    server_name ${hosts.map(toName).join(" ")};`,
    "    include nodoff/nodoff-server.conf;",
    ...routes.flatMap((route) => ["", ...toLocations(route)]),
    "}",
  ];
}

/** nginx's own `*.x` is any number of labels. */
function toName(host: string): string {
  if (host === "*") return "~.";
  return host.startsWith("**.") ? host.slice(1) : host;
}

function toLocations(route: SnippetRoute): readonly string[] {
  // A prefix on segment boundaries takes two locations.
  const places = route.path === "/" ? ["/"] : [`= ${route.path}`, `${route.path}/`];
  const body = toBody(route).map((line) => `        ${line}`);
  return places.flatMap((place) => [`    location ${place} {`].concat(body, "    }"));
}

function toBody({ alias, path, stripPath, app }: SnippetRoute): readonly string[] {
  const strip = stripPath && path !== "/" ? [`rewrite ^${path}/?(.*)$ /$1 break;`] : [];
  const named = `set $nodoff_route ${alias};`;
  if (app.by === "nodoff") return [named, ...strip, "include nodoff/nodoff-host.conf;"];
  if (app.scheme === "https" || isAddress(app.host))
    return [
      named,
      ...strip,
      "include nodoff/nodoff-guard.conf;",
      "include nodoff/nodoff-proxy.conf;",
      `proxy_pass ${app.scheme}://${app.host}:${app.port};`,
    ];
  return [named, ...strip, `set $nodoff_app ${app.host}:${app.port};`, "include nodoff/nodoff-compose.conf;"];
}

/** What needs no resolver. */
function isAddress(host: string): boolean {
  return host === "localhost" || /^[\d.]+$|^\[/.test(host);
}
