import type { AppAddress, SnippetInput, SnippetRoute } from "./sites.ts";

/** A whole haproxy.cfg; it loads the kit's nodoff.lua. */
export function toHaproxy({ sites, nodoff, failOpen }: SnippetInput): string {
  const routes = sites.flatMap(({ hosts, routes }) => routes.map((route) => ({ hosts, route })));
  return [
    "# nodoff for HAProxy (>= 2.6). Needs haproxy/nodoff.lua of nodoff as /etc/haproxy/nodoff.lua.",
    "global",
    `    presetenv NODOFF_ADDRESS ${nodoff}`,
    ...(failOpen ? ["    presetenv NODOFF_FAIL open"] : []),
    "    lua-load /etc/haproxy/nodoff.lua",
    "",
    "defaults",
    "    mode http",
    "    timeout connect 2s",
    "    timeout client 1m",
    "    timeout server 1m",
    "    timeout tunnel 1d",
    "    retries 3",
    "    option forwardfor",
    "",
    "resolvers docker",
    "    nameserver docker 127.0.0.11:53",
    "    hold valid 1s",
    "    hold nx 1s",
    "",
    "frontend web",
    "    bind :80",
    "    http-request set-header X-Forwarded-Proto %[ssl_fc,iif(https,http)]",
    ...routes.flatMap(({ hosts, route }) => toAcls(hosts, route)),
    // The first that fits is asked about, and no other: the longest path of a host comes first.
    ...routes.map(
      ({ route }) =>
        `    http-request set-var(txn.route) str(${route.alias}) if ${toTest(route)} !{ var(txn.route) -m found }`,
    ),
    ...routes.map(
      ({ route }) => `    http-request lua.nodoff_route ${route.alias} if { var(txn.route) -m str ${route.alias} }`,
    ),
    "    use_backend nodoff if { var(txn.nodoff) -m found }",
    ...routes.map(({ route }) => `    use_backend ${route.alias} if { var(txn.route) -m str ${route.alias} }`),
    "",
    "backend nodoff",
    '    server nodoff "${NODOFF_ADDRESS}" check inter 1s downinter 200ms fall 1 rise 1 resolvers docker init-addr libc,none',
    ...routes.flatMap(({ route }) => toBackend(route)),
  ].join("\n");
}

function toAcls(hosts: readonly string[], { alias, path }: SnippetRoute): readonly string[] {
  const asked = "hdr(host),field(1,:) -i";
  const acls = hosts.map((host) => {
    if (host === "*") return `    acl host_${alias} always_true`;
    if (!host.startsWith("*")) return `    acl host_${alias} ${asked} ${host}`;
    return `    acl host_${alias} ${asked} -m end ${host.replace(/^\*+/, "")}`;
  });
  return path === "/"
    ? acls
    : [...acls, `    acl path_${alias} path ${path}`, `    acl path_${alias} path_beg ${path}/`];
}

function toTest({ alias, path }: SnippetRoute): string {
  return path === "/" ? `host_${alias}` : `host_${alias} path_${alias}`;
}

function toBackend({ alias, path, stripPath, app }: SnippetRoute): readonly string[] {
  const strip = stripPath && path !== "/" ? [`    http-request replace-path ^${path}/?(.*) /\\1`] : [];
  return ["", `backend ${alias}`, ...strip, ...toServer(alias, app)];
}

function toServer(alias: string, app: AppAddress): readonly string[] {
  if (app.by === "nodoff")
    return [
      "    http-request return status 503 hdr Retry-After 2 unless { var(txn.nodoff_ip) -m found }",
      "    http-request set-dst var(txn.nodoff_ip)",
      "    http-request set-dst-port var(txn.nodoff_port)",
      `    server ${alias} 0.0.0.0:0`,
    ];
  const tls = app.scheme === "https" ? " ssl verify none" : "";
  if (/^[\d.]+$|^\[/.test(app.host)) return [`    server ${alias} ${app.host}:${app.port}${tls}`];
  return [
    `    http-request do-resolve(txn.app,docker,ipv4) str(${app.host})`,
    "    http-request return status 503 hdr Retry-After 2 unless { var(txn.app) -m found }",
    "    http-request set-dst var(txn.app)",
    `    server ${alias} 0.0.0.0:${app.port}${tls}`,
  ];
}
