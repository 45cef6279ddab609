import type { Lines, ProxyName } from "./finding.ts";

type ByProxy = Readonly<Partial<Record<ProxyName, (alias: string) => Lines>>>;

const inNodoff = "nodoff.yaml";
const luaLoad = "lua-load /etc/haproxy/nodoff.lua";
const toNodoff = "use_backend nodoff if { var(txn.nodoff) -m found }";

/** The lines that mend what is wrong, per proxy: those of the kits. */
const linesByCode = {
  not_called: {
    traefik: (alias) => ({
      where: "labels of the container that has the app's router",
      lines: [`traefik.http.routers.${alias}.middlewares=nodoff@docker`],
    }),
    caddy: (alias) => ({
      where: `the Caddyfile: the first line at its top, the others in the site of ${alias}, before its reverse_proxy`,
      lines: ["import nodoff.caddy", "import nodoff_guard", "import nodoff_errors"],
    }),
    nginx: () => ({
      where: "the first line in the app's server block, the second in its location",
      lines: ["include nodoff/nodoff-server.conf;", "include nodoff/nodoff-guard.conf;"],
    }),
    haproxy: (alias) => ({
      where: `the frontend, is_${alias} being the app's host; the second line before every other use_backend`,
      lines: [`http-request lua.nodoff if is_${alias}`, toNodoff],
    }),
  },
  wrong_dialect: {
    traefik: () => ({
      where: "labels that define the middleware",
      lines: ["traefik.http.middlewares.nodoff.forwardauth.address=http://nodoff:8090/auth/traefik"],
    }),
    caddy: () => ({ where: "forward_auth in the Caddyfile (nodoff.caddy)", lines: ["uri /auth/caddy?"] }),
    nginx: () => ({
      where: "location = /_nodoff_hook (nodoff-server.conf)",
      lines: ["include nodoff/nodoff-ask.conf;", "proxy_pass http://nodoff/auth/nginx$nodoff_hook_args;"],
    }),
    haproxy: () => ({ where: "global: the kit's file, as it is", lines: [luaLoad] }),
  },
  hook_down: {
    traefik: () => ({
      where: "labels that define the middleware: an address Traefik's container reaches",
      lines: ["traefik.http.middlewares.nodoff.forwardauth.address=http://nodoff:8090/auth/traefik"],
    }),
    caddy: () => ({ where: "Caddy's environment: an address Caddy reaches", lines: ["NODOFF_ADDRESS=nodoff:8090"] }),
    nginx: () => ({
      where:
        "upstream nodoff (nodoff-http.conf): an address nginx reaches, in compose the first, on the host the second",
      lines: ["server nodoff:8090;", "server 127.0.0.1:8090;"],
    }),
    haproxy: () => ({
      where: "global: an address HAProxy reaches",
      lines: ["presetenv NODOFF_ADDRESS nodoff:8090"],
    }),
  },
  mark_lost: {
    traefik: () => ({
      where: "labels that define the middleware: the list of the kit, whole",
      lines: [
        "traefik.http.middlewares.nodoff.forwardauth.authRequestHeaders=Accept,Accept-Language,User-Agent,Sec-Fetch-Dest," +
          "Sec-Fetch-Mode,Sec-Fetch-Site,Sec-Purpose,Purpose,X-Requested-With,HX-Request,Sec-WebSocket-Key,X-Nodoff-Probe",
      ],
    }),
    haproxy: () => ({ where: "global: the kit's file, as it is", lines: [luaLoad] }),
  },
  no_router: {
    traefik: () => ({
      where: "labels of the app (Traefik >= 3.6), so that its router stays while it sleeps",
      lines: ["traefik.docker.allownonrunning=true"],
    }),
  },
  host_unknown: {
    traefik: () => ({
      where: "labels that define the middleware: Traefik itself says the host then",
      lines: ["traefik.http.middlewares.nodoff.forwardauth.trustForwardHeader=false"],
    }),
    caddy: () => ({ where: "forward_auth in the Caddyfile", lines: ["header_up X-Forwarded-Host {host}"] }),
    nginx: () => ({
      where: "location = /_nodoff_hook (nodoff-ask.conf)",
      lines: ["proxy_set_header Host $nodoff_host;"],
    }),
    haproxy: () => ({ where: "global: the kit's file, as it is", lines: [luaLoad] }),
  },
  proto_wrong: {
    traefik: () => ({
      where: "Traefik's static configuration, if TLS ends at a proxy before it (its address in place of 10.0.0.0/8)",
      lines: ["--entryPoints.web.forwardedHeaders.trustedIPs=10.0.0.0/8"],
    }),
    caddy: () => ({
      where: "Caddy's global options, if TLS ends at a proxy before it",
      lines: ["servers {", "\ttrusted_proxies static private_ranges", "}"],
    }),
    nginx: () => ({
      where: "location = /_nodoff_hook (nodoff-ask.conf); $http_x_forwarded_proto if TLS ends before nginx",
      lines: ["proxy_set_header X-Original-Proto $scheme;"],
    }),
  },
  client_missing: {
    nginx: () => ({
      where: "location = /_nodoff_hook (nodoff-ask.conf)",
      lines: ["proxy_set_header X-Original-Addr $remote_addr;"],
    }),
    caddy: () => ({ where: "forward_auth: no line may take it away", lines: ["# header_up -X-Forwarded-For"] }),
  },
  client_forged: {
    traefik: () => ({
      where: "Traefik's static configuration: nobody else's X-Forwarded-For is to be believed",
      lines: ["--entryPoints.web.forwardedHeaders.insecure=false"],
    }),
    nginx: () => ({
      where: "location = /_nodoff_hook (nodoff-ask.conf)",
      lines: ["proxy_set_header X-Original-Addr $remote_addr;"],
    }),
  },
  page_swallowed: {
    traefik: (alias) => ({
      where: "labels of the app's router: nodoff before any middleware that replaces answers (errors)",
      lines: [`traefik.http.routers.${alias}.middlewares=nodoff@docker,errors@docker`],
    }),
    caddy: () => ({
      where: "the site: nothing may replace forward_auth's answers (handle_response, a nested handle_errors)",
      lines: ["import nodoff_guard", "import nodoff_errors"],
    }),
    nginx: () => ({
      where: "the app's location (nodoff-guard.conf), and no error_page of its own after it",
      lines: ["error_page 401 502 504 = @nodoff_wake;"],
    }),
    haproxy: () => ({ where: "the frontend, before every other use_backend", lines: [toNodoff] }),
  },
  channel_away: {
    traefik: () => ({
      where: "labels of nodoff's container, where the hook does not cover the whole host",
      lines: [
        "traefik.http.routers.nodoff-pages.rule=PathPrefix(`/.nodoff/`)",
        "traefik.http.routers.nodoff-pages.priority=100000",
        "traefik.http.services.nodoff.loadbalancer.server.port=8090",
      ],
    }),
    caddy: () => ({
      where: "the site (nodoff.caddy has it), before anything else answers",
      lines: ["handle /.nodoff/* {", "\treverse_proxy nodoff:8090", "}"],
    }),
    nginx: () => ({
      where: "the app's server block (nodoff-server.conf has it)",
      lines: [
        "location ^~ /.nodoff/ { include nodoff/nodoff-ask.conf; proxy_pass http://nodoff; proxy_buffering off; }",
      ],
    }),
    haproxy: () => ({
      where: "the frontend, before every other use_backend; lua.nodoff covers /.nodoff/ too",
      lines: [toNodoff],
    }),
  },
  upstream_away: {
    traefik: (alias) => ({
      where: "labels of the app: the port it listens on",
      lines: [`traefik.http.services.${alias}.loadbalancer.server.port=PORT`],
    }),
    caddy: () => ({ where: "the site: where the app listens, as Caddy sees it", lines: ["reverse_proxy NAME:PORT"] }),
    nginx: (alias) => ({
      where: "the app's location: nodoff says where the app is now",
      lines: [`set $nodoff_route ${alias};`, "include nodoff/nodoff-host.conf;"],
    }),
    haproxy: (alias) => ({
      where: "the app's backend: its name is looked up per request",
      lines: [
        "http-request do-resolve(txn.app,docker,ipv4) str(NAME)",
        "http-request set-dst var(txn.app)",
        `server ${alias} 0.0.0.0:PORT`,
      ],
    }),
  },
} as const satisfies Readonly<Record<string, ByProxy>>;

/** The lines for that proxy; undefined = none are known. */
export function linesFor(code: keyof typeof linesByCode, proxy: ProxyName | null, alias: string): Lines | undefined {
  const known: ByProxy = linesByCode[code];
  return proxy === null ? undefined : known[proxy]?.(alias);
}

export function trustLine(peer: string): Lines {
  return { where: inNodoff, lines: [`trusted_proxies: [loopback, container_networks, "${peer}"]`] };
}

export function hopsLine(hops: number): Lines {
  return { where: inNodoff, lines: [`proxy_hops: ${hops}`] };
}

export function strangersLine(host: string): Lines {
  return {
    where: "the router that shows nodoff itself to the world",
    lines: [`rule: Host(\`${host}\`) && !PathPrefix(\`/auth/\`) && !PathPrefix(\`/wake\`)`],
  };
}
