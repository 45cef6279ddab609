import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Labels, TraefikContainer } from "./container.ts";
import { toDocument } from "./document.ts";
import type { PlainMap } from "./label-tree.ts";

function container(labels: Labels, more: Partial<TraefikContainer> = {}): TraefikContainer {
  return { name: "blog-web", labels, ports: [], sleeps: true, port: null, url: null, ...more };
}

interface Made {
  readonly http: Readonly<Record<"routers" | "services" | "middlewares", Readonly<Record<string, PlainMap>>>>;
  readonly tcp?: PlainMap;
  readonly udp?: PlainMap;
}

function make(containers: readonly TraefikContainer[], others: readonly Labels[] = []) {
  const { config, problems } = toDocument({
    containers,
    others,
    addressOf: ({ name }, port) => (port === 9 ? null : `${name}:${port}`),
    origin: "http://nodoff:8090",
    hook: "http://nodoff:8090",
  });
  const made = config as unknown as Made;
  const lines = problems.map(({ container, key, message }) => `${container} ${key}: ${message}`);
  return { ...made, lines };
}

function balancerOf({ http }: Pick<Made, "http">): PlainMap {
  const { loadBalancer } = http.services["blog"] ?? {};
  assert.ok(typeof loadBalancer === "object" && !Array.isArray(loadBalancer));
  return loadBalancer as PlainMap;
}

const router = { "traefik.http.routers.blog.rule": "Host(`blog.x`)" };
const port = { "traefik.http.services.blog.loadbalancer.server.port": "2368" };
const one = { ...router, ...port };
const of = (middlewares: string): Labels => ({ ...one, "traefik.http.routers.blog.middlewares": middlewares });

describe("a container's Traefik labels", () => {
  it("become a router that asks nodoff and a service by a name that stays", () => {
    const { http, lines } = make([container(one)]);
    assert.deepEqual(http.routers["blog"], { rule: "Host(`blog.x`)", service: "blog", middlewares: ["nodoff"] });
    assert.deepEqual(http.services["blog"], { loadBalancer: { servers: [{ url: "http://blog-web:2368" }] } });
    assert.deepEqual(lines, []);
  });

  it("are passed over where Traefik is told to leave the container alone", () => {
    for (const off of ["false", "0", "F"])
      assert.deepEqual(Object.keys(make([container({ ...one, "traefik.enable": off })]).http.routers), [
        "nodoff-pages",
      ]);
  });

  it("name router and service as Traefik would", () => {
    const labels = { ...router, "com.docker.compose.project": "my_stack", "com.docker.compose.service": "web.app" };
    const made = make([container(labels, { ports: [80, 443] })]);
    assert.deepEqual(Object.keys(made.http.services), ["nodoff", "web-app-my-stack"]);
    assert.equal(made.http.routers["blog"]?.["service"], "web-app-my-stack");
    assert.deepEqual(made.http.services["web-app-my-stack"], {
      loadBalancer: { servers: [{ url: "http://blog-web:80" }] },
    });
  });

  const addresses: readonly [string, Labels, Partial<TraefikContainer>, string][] = [
    [
      "its own port and scheme",
      { ...one, "traefik.http.services.blog.loadbalancer.server.scheme": "https" },
      {},
      "https://blog-web:2368",
    ],
    [
      "its own address",
      { ...router, "traefik.http.services.blog.loadbalancer.server.url": "http://x:1" },
      {},
      "http://x:1",
    ],
    ["nodoff's port", router, { port: 81, ports: [80] }, "http://blog-web:81"],
    ["nodoff's address", one, { url: "http://127.0.0.1:5" }, "http://127.0.0.1:5"],
  ];
  for (const [what, labels, more, url] of addresses)
    it(`lead to ${what}`, () => {
      const service = Object.entries(make([container(labels, more)]).http.services).find(([name]) => name !== "nodoff");
      assert.deepEqual(service?.[1]["loadBalancer"], { servers: [{ url }] });
    });

  it("keep what they say of the service but for checks, which would find a sleeping one down", () => {
    const labels = {
      ...one,
      "traefik.http.services.blog.loadbalancer.passhostheader": "false",
      "traefik.http.services.blog.loadbalancer.healthcheck.path": "/up",
    };
    const { http, lines } = make([container(labels)]);
    const servers = [{ url: "http://blog-web:2368" }];
    assert.deepEqual(http.services["blog"], { loadBalancer: { passHostHeader: "false", servers } });
    assert.match(lines[0] ?? "", /services\.blog\.loadbalancer\.healthcheck: left out/);
    const awake = make([container(labels, { sleeps: false })]);
    assert.deepEqual(awake.lines, []);
    assert.deepEqual(balancerOf(awake)["healthCheck"], { path: "/up" });
  });

  it("of TCP and UDP are passed on with their addresses", () => {
    const { tcp, udp, http, lines } = make([
      container({
        "traefik.tcp.routers.db.rule": "HostSNI(`*`)",
        "traefik.tcp.services.db.loadbalancer.server.port": "5432",
        "traefik.udp.routers.dns.entrypoints": "dns",
        "traefik.udp.services.dns.loadbalancer.server.port": "53",
      }),
    ]);
    assert.deepEqual(tcp, {
      routers: { db: { rule: "HostSNI(`*`)", service: "db" } },
      services: { db: { loadBalancer: { servers: [{ address: "blog-web:5432" }] } } },
    });
    assert.deepEqual(udp, {
      routers: { dns: { service: "dns", entryPoints: ["dns"] } },
      services: { dns: { loadBalancer: { servers: [{ address: "blog-web:53" }] } } },
    });
    assert.deepEqual(Object.keys(http.routers), ["nodoff-pages"]);
    assert.ok(lines.every((line) => /not woken through (tcp|udp)/.test(line)) && lines.length === 2);
  });

  it("of one nodoff left out keep their way, unasked", () => {
    assert.equal(make([container(one, { sleeps: false })]).http.routers["blog"]?.["middlewares"], undefined);
  });
});

describe("what cannot be said for Traefik", () => {
  const several = { ...one, "traefik.http.services.b.loadbalancer.server.port": "81" };
  const cases: readonly [string, Labels, RegExp][] = [
    ["no rule", port, /routers: no router has a rule.*defaultRule/],
    ["a router without a rule", { ...one, "traefik.http.routers.b.tls": "true" }, /routers\.b: has no rule/],
    ["several services and none named", several, /names no service, and there are several \(b, blog\)/],
    ["no port", router, /names no port/],
    [
      "a port that is none",
      { ...router, "traefik.http.services.s.loadbalancer.server.port": "web" },
      /"web" is not a port/,
    ],
    [
      "no lasting address",
      { ...router, "traefik.http.services.s.loadbalancer.server.port": "9" },
      /port 9 has no address/,
    ],
    ["two addresses", { ...one, "traefik.http.services.blog.loadbalancer.server.url": "http://x" }, /url besides/],
    ["a service of another kind", { ...router, "traefik.http.services.s.weighted.sticky": "true" }, /no loadbalancer/],
    ["a priority that is none", { ...one, "traefik.http.routers.blog.priority": "high" }, /"high" is not a number/],
    ["an empty part", { ...one, "traefik.http.routers..rule": "x" }, /a part between two dots is empty/],
    ["another root", { ...one, "Traefik.http.routers.a.rule": "x" }, /"traefik" in lower case/],
  ];
  for (const [what, labels, expected] of cases)
    it(`is told: ${what}`, () => {
      const { lines, http } = make([container(labels)]);
      assert.match(lines.join("\n"), expected);
      assert.deepEqual(
        Object.keys(http.routers).filter((name) => name !== "nodoff-pages" && name !== "blog"),
        [],
      );
    });

  it("is a key of a Traefik to come, which is passed on", () => {
    const { lines, http } = make([container({ ...one, "traefik.http.routers.blog.sparkle.colour": "red" })]);
    assert.deepEqual(http.routers["blog"]?.["sparkle"], { colour: "red" });
    assert.match(lines[0] ?? "", /routers\.blog\.sparkle: passed on as it is/);
  });

  it("is one name with two meanings: the first container's counts", () => {
    const other = container({ ...port, "traefik.http.routers.blog.rule": "Host(`other.x`)" }, { name: "other" });
    const { lines, http } = make([container(one), other]);
    assert.equal(http.routers["blog"]?.["rule"], "Host(`blog.x`)");
    assert.match(lines[0] ?? "", /^other traefik\.http\.routers\.blog: is said otherwise by blog-web/);
  });
});

describe("nodoff's place among a router's middlewares", () => {
  const defined = {
    "traefik.http.middlewares.login.basicauth.users": "a:b",
    "traefik.http.middlewares.strip.stripprefix.prefixes": "/a",
    "traefik.http.middlewares.errors.errors.status": "500-599",
    "traefik.http.middlewares.zip.compress": "true",
    "traefik.http.middlewares.chained.chain.middlewares": "zip,login",
    "traefik.http.middlewares.asks.forwardauth.address": "http://n:1/auth/traefik?route=x",
  };
  const cases: readonly [string, readonly string[]][] = [
    ["strip,zip", ["nodoff", "strip", "zip"]],
    ["login,strip", ["login", "nodoff", "strip"]],
    ["login, zip ,auth@file,strip", ["login", "zip", "auth@file", "nodoff", "strip"]],
    ["chained,strip", ["chained", "nodoff", "strip"]],
    ["strip,nodoff@docker", ["strip", "nodoff"]],
    ["asks,strip", ["asks", "strip"]],
    ["unknown,strip", ["unknown@docker", "nodoff", "strip"]],
  ];
  for (const [list, expected] of cases)
    it(`is ${expected.join(" > ")}`, () => {
      const { http } = make([container({ ...of(list), ...defined })]);
      assert.deepEqual(http.routers["blog"]?.["middlewares"], expected);
    });

  it("is told of where another order would be better", () => {
    const { lines } = make([container({ ...of("strip,errors,login"), ...defined })]);
    assert.deepEqual(lines.length, 2);
    assert.match(lines.join("\n"), /"strip" changes the path before nodoff sees it: put it behind "login"/);
    assert.match(lines.join("\n"), /"errors" would replace nodoff's page/);
  });

  it("follows what labels of other containers define, which stays Docker's", () => {
    const { http } = make([container(of("login,strip"))], [defined]);
    assert.deepEqual(http.routers["blog"]?.["middlewares"], ["login@docker", "nodoff", "strip@docker"]);
  });
});

describe("names without a provider", () => {
  it("are this provider's where it has them, else Docker's; others stay", () => {
    const labels = {
      ...one,
      "traefik.http.routers.blog.service": "blog@docker",
      "traefik.http.routers.b.rule": "Host(`b.x`)",
      "traefik.http.routers.b.service": "elsewhere",
      "traefik.http.routers.c.rule": "Host(`c.x`)",
      "traefik.http.routers.c.service": "api@internal",
      "traefik.http.middlewares.m.chain.middlewares": "zip, other, z@file",
      "traefik.http.middlewares.zip.compress": "true",
      "traefik.http.middlewares.e.errors.service": "blog",
    };
    const { http } = make([container(labels)]);
    const services = ["blog", "b", "c"].map((name) => http.routers[name]?.["service"]);
    assert.deepEqual(services, ["blog", "elsewhere@docker", "api@internal"]);
    assert.equal(http.routers["c"]?.["middlewares"], undefined, "Traefik's own pages do not sleep");
    assert.deepEqual(http.middlewares["m"], { chain: { middlewares: ["zip", "other@docker", "z@file"] } });
    assert.deepEqual(http.middlewares["e"], { errors: { service: "blog" } });
  });
});

it("replicas of one service are its servers", () => {
  const { http, lines } = make([container(one, { name: "a" }), container(one, { name: "b" })]);
  assert.deepEqual(balancerOf({ http })["servers"], [{ url: "http://a:2368" }, { url: "http://b:2368" }]);
  assert.deepEqual(lines, []);
});

it("is the same text whatever the order of labels", () => {
  const turned = Object.fromEntries(Object.entries(one).reverse());
  assert.equal(JSON.stringify(make([container(one)])), JSON.stringify(make([container(turned)])));
});
