import { type AppAddress, type SnippetInput, type SnippetRoute, type SnippetSite, toUrl } from "./sites.ts";

/** Sites of a Caddyfile; they import nodoff.caddy. */
export function toCaddy({ sites, nodoff, failOpen }: SnippetInput): string {
  return [
    "# nodoff for Caddy. Needs caddy/nodoff.caddy of nodoff beside this file, and in Caddy's environment:",
    `#   NODOFF_ADDRESS=${nodoff}`,
    ...(failOpen ? ["# Fail-open: take its marks away.", "#   sed -i 's/# fail-open: //' nodoff.caddy"] : []),
    "import nodoff.caddy",
    ...sites.flatMap((site) => ["", ...toSite(site)]),
  ].join("\n");
}

function toSite({ hosts, routes }: SnippetSite): readonly string[] {
  const [only] = routes;
  const head = `${hosts.map(toAddress).join(", ")} {`;
  if (only !== undefined && routes.length === 1 && only.path === "/")
    return [head, `\timport nodoff ${toArguments(only.app)}`, "}"];
  return [head, "\timport nodoff_errors", ...routes.flatMap(toHandle), "}"];
}

/** Caddy's `*` is one label. */
function toAddress(host: string): string {
  if (host === "*") return ":80";
  return host.startsWith("**.") ? host.slice(1) : host;
}

function toHandle(route: SnippetRoute): readonly string[] {
  const { alias, path, stripPath, app } = route;
  const body = [
    "import nodoff_guard",
    ...(stripPath && path !== "/" ? [`uri strip_prefix ${path}`] : []),
    `reverse_proxy ${toDial(app)}`,
  ];
  const lines = body.map((line) => `\t\t${line}`);
  if (path === "/") return ["\thandle {", ...lines, "\t}"];
  return [`\t@${alias} path ${path} ${path}/*`, `\thandle @${alias} {`, ...lines, "\t}"];
}

function toArguments(app: AppAddress): string {
  if (app.by === "nodoff") return "ADDRESS PORT";
  return `${app.scheme === "https" ? "https://" : ""}${app.host} ${app.port}`;
}

function toDial(app: AppAddress): string {
  if (app.by === "nodoff") return "ADDRESS:PORT";
  return app.scheme === "https" ? toUrl(app) : `${app.host}:${app.port}`;
}
