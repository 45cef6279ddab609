import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { readForeignDoors } from "./foreign-labels.ts";
import type { Labels } from "./foreign-door.ts";

function doorsOf(labels: Labels, env?: Labels): string[] {
  const { doors, problems } = readForeignDoors(labels, env);
  return [
    ...doors.map(({ origin, host, path, upstream }) => {
      const to = upstream.kind === "url" ? upstream.url : `${upstream.scheme}:${upstream.port ?? "any"}`;
      return `${origin} ${host} ${path} ${to}`;
    }),
    ...problems.map(({ key, message }) => `${key}: ${message}`),
  ];
}

const router = "traefik.http.routers";
const service = "traefik.http.services";

const traefik: readonly (readonly [string, Labels, readonly string[]])[] = [
  ["nothing", { other: "x" }, []],
  ["a router", { [`${router}.a.rule`]: "Host(`a.x`)" }, ["traefik a.x / http:any"]],
  [
    "a port and a scheme",
    {
      [`${router}.a.rule`]: "Host(`a.x`) && PathPrefix(`/p`)",
      [`${service}.a.loadbalancer.server.port`]: "8443",
      [`${service}.a.loadbalancer.server.scheme`]: "https",
    },
    ["traefik a.x /p https:8443"],
  ],
  [
    "an address",
    { [`${router}.a.rule`]: "Host(`a.x`)", [`${service}.a.loadbalancer.server.url`]: "http://app:81" },
    ["traefik a.x / http://app:81"],
  ],
  [
    "keys in other capitals",
    { "Traefik.HTTP.Routers.Web.Rule": "Host(`a.x`)", "traefik.http.services.Web.loadBalancer.server.port": "80" },
    ["traefik a.x / http:80"],
  ],
  [
    "routers with services of their own",
    {
      [`${router}.a.rule`]: "Host(`a.x`)",
      [`${router}.a.service`]: "web",
      [`${router}.b.rule`]: "Host(`b.x`)",
      [`${router}.b.service`]: "admin@docker",
      [`${service}.web.loadbalancer.server.port`]: "80",
      [`${service}.admin.loadbalancer.server.port`]: "81",
    },
    ["traefik a.x / http:80", "traefik b.x / http:81"],
  ],
  [
    "the same door on two entry points once",
    { [`${router}.a.rule`]: "Host(`a.x`)", [`${router}.a-tls.rule`]: "Host(`a.x`)" },
    ["traefik a.x / http:any"],
  ],
  [
    "a service without an address of its own",
    {
      [`${router}.a.rule`]: "Host(`a.x`)",
      [`${router}.a.service`]: "web",
      [`${service}.web.loadbalancer.passhostheader`]: "false",
    },
    ["traefik a.x / http:any"],
  ],
  [
    "Traefik's own services as nothing",
    { [`${router}.api.rule`]: "Host(`t.x`)", [`${router}.api.service`]: "api@internal" },
    [],
  ],
  [
    "a container Traefik does not serve as nothing",
    { "traefik.enable": "false", [`${router}.a.rule`]: "Host(`a.x`)" },
    [],
  ],
  [
    "a rule it cannot read",
    { [`${router}.a.rule`]: "HostRegexp(`.+`)", [`${router}.b.rule`]: "Host(`b.x`)" },
    [
      "traefik b.x / http:any",
      "traefik.http.routers.a.rule: cannot be read (HostRegexp is not a host or path prefix): needs nodoff.host",
    ],
  ],
  ["Traefik's default rule", { "traefik.enable": "true" }, ["traefik.enable: no router has a rule: needs nodoff.host"]],
  [
    "Traefik's default rule behind a port",
    { [`${service}.a.loadbalancer.server.port`]: "80" },
    ["traefik.enable: no router has a rule: needs nodoff.host"],
  ],
  ["a TCP router as nothing", { "traefik.enable": "true", "traefik.tcp.routers.a.rule": "HostSNI(`*`)" }, []],
  ...(
    [
      ["elsewhere", { [`${router}.a.service`]: "other@file" }],
      [
        "unnamed among several",
        { [`${service}.a.loadbalancer.server.port`]: "1", [`${service}.b.loadbalancer.server.port`]: "2" },
      ],
      ["with a wrong port", { [`${service}.a.loadbalancer.server.port`]: "http" }],
      ["with a wrong scheme", { [`${service}.a.loadbalancer.server.scheme`]: "ftp" }],
    ] as const
  ).map(([what, labels]): [string, Labels, string[]] => [
    `a service ${what}`,
    { [`${router}.a.rule`]: "Host(`a.x`)", ...labels },
    [
      "traefik.http.routers.a.rule: its service is not among the labels of this container, or has no address that can be used: needs nodoff.host",
    ],
  ]),
];

const caddy: readonly (readonly [string, Labels, readonly string[]])[] = [
  ["a site", { caddy: "a.x", "caddy.reverse_proxy": "{{upstreams 8080}}" }, ["caddy a.x / http:8080"]],
  ["Caddy's default port", { caddy: "a.x", "caddy.reverse_proxy": "{{ upstreams }}" }, ["caddy a.x / http:80"]],
  ["an https upstream", { caddy: "a.x", "caddy.reverse_proxy": "{{upstreams https}}" }, ["caddy a.x / https:443"]],
  ["an h2c upstream", { caddy: "a.x", "caddy.reverse_proxy": "{{upstreams h2c 81}}" }, ["caddy a.x / h2c:81"]],
  [
    "several addresses",
    { caddy: "a.x, http://b.x:8080  *.c.x", "caddy.reverse_proxy": "{{upstreams 80}}" },
    ["caddy a.x / http:80", "caddy b.x / http:80", "caddy *.c.x / http:80"],
  ],
  ["a port as every host", { caddy: ":80", "caddy.reverse_proxy": "{{upstreams 80}}" }, ["caddy * / http:80"]],
  [
    "numbered sites",
    {
      caddy_0: "a.x",
      "caddy_0.reverse_proxy": "{{upstreams 80}}",
      caddy_1: "b.x",
      "caddy_1.0_reverse_proxy": "{{upstreams 81}}",
    },
    ["caddy a.x / http:80", "caddy b.x / http:81"],
  ],
  ["a path", { caddy: "a.x", "caddy.reverse_proxy": "/api/* {{upstreams 80}}" }, ["caddy a.x /api http:80"]],
  [
    "a path around",
    { caddy: "a.x", "caddy.handle_path": "/api/*", "caddy.handle_path.0_reverse_proxy": "{{upstreams 80}}" },
    ["caddy a.x /api http:80"],
  ],
  [
    "snippets and options as nothing",
    { caddy: "(tls)", "caddy.tls": "internal", caddy_1: "", "caddy_1.email": "a@b" },
    [],
  ],
  [
    "a path that is no prefix",
    { caddy: "a.x", "caddy.reverse_proxy": "/api {{upstreams 80}}" },
    ['caddy.reverse_proxy: "/api {{upstreams 80}}" cannot be read: needs nodoff.host'],
  ],
  [
    "a named matcher",
    { caddy: "a.x", "caddy.@m.method": "GET", "caddy.reverse_proxy": "@m {{upstreams 80}}" },
    ['caddy.reverse_proxy: "@m {{upstreams 80}}" cannot be read: needs nodoff.host'],
  ],
  [
    "a placeholder",
    { caddy: "{$DOMAIN}", "caddy.reverse_proxy": "{{upstreams 80}}" },
    ['caddy: "{$DOMAIN}" is not a plain host: needs nodoff.host'],
  ],
  [
    "a site inside a placeholder",
    { caddy: "a.{$DOMAIN}", "caddy.reverse_proxy": "{{upstreams 80}}" },
    ['caddy: "a.{$DOMAIN}" is not a plain host: needs nodoff.host'],
  ],
  [
    "a site that leads elsewhere",
    { caddy: "a.x", "caddy.reverse_proxy": "other:80" },
    ["caddy: has no reverse_proxy to this container: needs nodoff.host"],
  ],
];

const virtualHost: readonly (readonly [string, Labels, readonly string[]])[] = [
  ["hosts", { VIRTUAL_HOST: "a.x, B.x,," }, ["virtual_host a.x / http:any", "virtual_host b.x / http:any"]],
  [
    "port, path and scheme",
    { VIRTUAL_HOST: "a.x", VIRTUAL_PORT: "81", VIRTUAL_PATH: "/p/", VIRTUAL_PROTO: "https" },
    ["virtual_host a.x /p https:81"],
  ],
  ["nginx wildcards, which are of any depth", { VIRTUAL_HOST: "*.a.x" }, ["virtual_host **.a.x / http:any"]],
  ["a regular expression", { VIRTUAL_HOST: "~^a" }, ['VIRTUAL_HOST: "~^a" is not a host: needs nodoff.host']],
  ["a wildcard at the end", { VIRTUAL_HOST: "a.*" }, ['VIRTUAL_HOST: "a.*" is not a host: needs nodoff.host']],
  [
    "a wrong port",
    { VIRTUAL_HOST: "a.x", VIRTUAL_PORT: "x" },
    ["virtual_host a.x / http:any", 'VIRTUAL_PORT: "x" is not a port: needs nodoff.host'],
  ],
  ["a port without a host as nothing", { VIRTUAL_PORT: "x" }, []],
  [
    "several ports at once",
    { VIRTUAL_HOST_MULTIPORTS: "{}" },
    ["VIRTUAL_HOST_MULTIPORTS: cannot be read: needs nodoff.host"],
  ],
];

describe("readForeignDoors", () => {
  for (const [what, labels, expected] of [...traefik, ...caddy, ...virtualHost])
    it(`reads ${what}`, () => assert.deepEqual(doorsOf(labels), expected));

  it("reads VIRTUAL_HOST from the environment too", () => {
    assert.deepEqual(doorsOf({}, { VIRTUAL_HOST: "a.x", VIRTUAL_PORT: "81" }), ["virtual_host a.x / http:81"]);
  });

  it("keeps the first of two proxies that serve the same door", () => {
    const labels = { [`${router}.a.rule`]: "Host(`a.x`)", VIRTUAL_HOST: "a.x, b.x" };
    assert.deepEqual(doorsOf(labels), ["traefik a.x / http:any", "virtual_host b.x / http:any"]);
  });
});
