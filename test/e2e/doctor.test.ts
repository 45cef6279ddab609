import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import { selfSigned } from "../support/self-signed.ts";
import { runLine } from "../support/cli.ts";
import { freePort } from "../support/e2e/child.ts";
import { openCaddy, openHaproxy, openNginx, openTraefik, type Places } from "../support/e2e/doctor-proxies.ts";
import { createEnds } from "../support/e2e/ends.ts";
import { adminToken, openHome, runNodoff } from "../support/e2e/home.ts";
import { noTraefik } from "../support/e2e/traefik.ts";

// Every way of wiring a proxy wrongly that we know, in the real proxy: `nodoff doctor` has to say which it is.
const atEnd = createEnds();

const app = createServer((_request, response) => void response.end("the app"));
await new Promise<void>((resolve) => app.listen(0, "127.0.0.1", resolve));
atEnd(async () => {
  app.close();
  app.closeAllConnections();
});
const appAddress = `127.0.0.1:${(app.address() as AddressInfo).port}`;

const nobody = `127.0.0.1:${await freePort()}`;
const sleeperPort = await freePort();

/** A route per way of wiring: the host says which. */
const ways = [
  "right",
  "unhooked",
  "dialect",
  "down",
  "untrusted",
  "host",
  "forged",
  "chained",
  "swallowed",
  "away",
  "login",
  "channel",
  "proto",
  "twice",
  "stripped",
  "nowhere",
] as const;
type Way = (typeof ways)[number];

const routes = Object.fromEntries(
  ways.map((way) => [way, { host: `${way}.doctor.test`, upstream: `http://${appAddress}` }]),
);
const node = process.execPath;
const script = `require("http").createServer((q,r)=>r.end("awake")).listen(${sleeperPort},"127.0.0.1")`;
const config = {
  providers: { here: { type: "process" } },
  workloads: {
    sleeper: {
      process: { command: [node, "-e", script] },
      host: "sleeper.doctor.test",
      upstream: `http://127.0.0.1:${sleeperPort}`,
    },
  },
  routes,
};

const ownPort = await freePort();
const home = await openHome(atEnd, { ...config, listen: { proxy: `127.0.0.1:${ownPort}` } });
const strictHome = await openHome(atEnd, { ...config, trusted_proxies: ["10.255.255.0/24"] });
await Promise.all([home.serve(), strictHome.serve()]);
const places: Places = {
  hook: `127.0.0.1:${home.port}`,
  strict: `127.0.0.1:${strictHome.port}`,
  app: appAddress,
  nobody,
};

interface Finding {
  readonly check: string;
  readonly result: "ok" | "warning" | "error" | "skipped";
  readonly code: string;
  readonly lines?: { readonly lines: readonly string[] };
}

interface Report {
  readonly nodoff: readonly Finding[];
  readonly routes: readonly {
    readonly route: string;
    readonly proxy: string | null;
    readonly findings: readonly Finding[];
  }[];
}

const stop = new AbortController();
atEnd(async () => stop.abort());

/** What the doctor says; `port` of nodoff's hook, else of the one that trusts. */
async function ask(args: readonly string[], port = home.port): Promise<Report & { readonly code: number }> {
  const line = ["doctor", ...args, "--json", "--url", `http://127.0.0.1:${port}`, "--token", adminToken];
  const { code, out, err } = await runLine(line, { stop: stop.signal });
  assert.deepEqual(err, []);
  return { code, ...(JSON.parse(out.join("\n")) as Report) };
}

/** What is not as it should be with one way of wiring, by its codes, and the lines that mend it. */
async function wrong(port: number, way: Way, options: readonly string[] = []) {
  const hook = way === "untrusted" ? strictHome.port : home.port;
  const report = await ask([way, "--via", `http://127.0.0.1:${port}`, ...options], hook);
  const { findings } = report.routes[0]!;
  const found = findings.filter(({ result }) => result !== "ok");
  assert.equal(report.code, found.some(({ result }) => result === "error") ? 1 : 0, JSON.stringify(found));
  return { codes: found.map(({ code }) => code), lines: found.flatMap(({ lines }) => lines?.lines ?? []) };
}

/** That a wiring is diagnosed, and that the line which mends it is among those named. */
function diagnoses(port: () => number, cases: readonly (readonly [Way, string, RegExp | null, string[]?])[]): void {
  for (const [way, code, line, options] of cases)
    it(`${way}: ${code}`, async () => {
      const { codes, lines } = await wrong(port(), way, options);
      assert.equal(codes.join(" "), code);
      if (line === null) return;
      assert.ok(
        lines.some((text) => line.test(text)),
        `${code} names no line like ${String(line)}: ${lines.join("\n")}`,
      );
    });
}

describe("nginx", { concurrency: false }, () => {
  let port = 0;
  let tlsPort = 0;
  before(async () => {
    tlsPort = await freePort();
    const { cert, key } = selfSigned;
    await writeFile(join(home.directory, "cert.pem"), cert);
    await writeFile(join(home.directory, "key.pem"), key);
    const ask = "internal; include nodoff/nodoff-ask.conf;";
    const hook = `proxy_pass http://nodoff/auth/nginx$nodoff_hook_args;`;
    const wake = `location @nodoff_wake { if ($nodoff_said = '') { return 401; } rewrite ^ /wake?dialect=nginx? break;
      include nodoff/nodoff-ask.conf; proxy_pass http://nodoff; proxy_method GET; }`;
    const channel = "location ^~ /.nodoff/ { include nodoff/nodoff-ask.conf; proxy_pass http://nodoff; }";
    const guarded = `location / { include nodoff/nodoff-guard.conf; proxy_pass http://${places.app}; }`;
    const server = (way: Way, rest: string, listen = "127.0.0.1:PORT"): string =>
      `server { listen ${listen}; server_name ${way}.doctor.test; ${rest} }`;
    const own = (asked: string): string => `location = /_nodoff_hook { ${asked} } ${wake} ${channel}`;
    const kit = "include nodoff/nodoff-server.conf;";
    const servers = [
      server("right", `${kit} ${guarded}`),
      server("unhooked", `location / { proxy_pass http://${places.app}; }`),
      server("dialect", `${own(`${ask} proxy_pass http://nodoff/auth/traefik;`)} ${guarded}`),
      server("down", `${own(`${ask} proxy_pass http://${places.nobody}/auth/nginx;`)} ${guarded}`),
      server("untrusted", `${own(`${ask} proxy_pass http://${places.strict}/auth/nginx;`)} ${guarded}`),
      server(
        "host",
        `${own(`internal; proxy_pass_request_body off; proxy_set_header Content-Length "";
        proxy_set_header Host nodoff; proxy_set_header X-Original-URI $request_uri;
        proxy_set_header X-Original-Method $request_method; proxy_set_header X-Original-Proto $scheme;
        proxy_set_header X-Original-Addr $remote_addr; ${hook}`)} ${guarded}`,
      ),
      server(
        "forged",
        `${own(`internal; proxy_pass_request_body off; proxy_set_header Content-Length "";
        proxy_set_header Host $host; proxy_set_header X-Original-URI $request_uri;
        proxy_set_header X-Original-Method $request_method; proxy_set_header X-Original-Proto $scheme;
        proxy_set_header X-Original-Addr $http_x_forwarded_for; ${hook}`)} ${guarded}`,
      ),
      server("swallowed", `${kit} location / { auth_request /_nodoff_hook; proxy_pass http://${places.app}; }`),
      server("away", `${kit} location / { include nodoff/nodoff-guard.conf; proxy_pass http://${places.nobody}; }`),
      server(
        "login",
        `${kit} location / { auth_basic x; auth_basic_user_file /dev/null; include nodoff/nodoff-guard.conf;
        proxy_pass http://${places.app}; }`,
      ),
      server(
        "channel",
        `location = /_nodoff_hook { ${ask} ${hook} } ${wake}
        location ^~ /.nodoff/ { return 404; } ${guarded}`,
      ),
      server(
        "proto",
        `ssl_certificate ${home.directory}/cert.pem; ssl_certificate_key ${home.directory}/key.pem;
        ${own(`internal; proxy_pass_request_body off; proxy_set_header Content-Length "";
        proxy_set_header Host $host; proxy_set_header X-Original-URI $request_uri;
        proxy_set_header X-Original-Method $request_method; proxy_set_header X-Original-Addr $remote_addr; ${hook}`)}
        ${guarded}`,
        `127.0.0.1:${tlsPort} ssl`,
      ),
      `server { listen 127.0.0.1:PORT; server_name sleeper.doctor.test; ${kit}
        location / { set $nodoff_route sleeper; include nodoff/nodoff-host.conf; } }`,
      `server { listen 127.0.0.1:PORT default_server; server_name _; location / { return 404; } }`,
    ];
    port = await openNginx(servers.join("\n"), places, atEnd);
  });

  diagnoses(
    () => port,
    [
      ["unhooked", "not_called", /include nodoff\/nodoff-guard\.conf/],
      ["dialect", "wrong_dialect", /\/auth\/nginx/],
      ["down", "hook_down", /server .*:8090;/],
      ["untrusted", "untrusted_peer", /trusted_proxies: .*127\.0\.0\.1/],
      ["host", "host_unknown", /proxy_set_header Host \$nodoff_host;/],
      ["forged", "client_forged", /X-Original-Addr \$remote_addr/],
      ["swallowed", "page_swallowed", /error_page 401 .*@nodoff_wake/],
      ["away", "upstream_away", /nodoff-host\.conf/],
      ["login", "login_wall", null],
      ["channel", "channel_away", /location \^~ \/\.nodoff\//],
      ["nowhere", "not_called", /nodoff-guard/],
    ],
  );

  it("right: everything is", async () => {
    assert.deepEqual(await wrong(port, "right"), { codes: [], lines: [] });
    const {
      routes: [route],
    } = await ask(["right", "--via", `http://127.0.0.1:${port}`]);
    assert.equal(route?.proxy, "nginx");
    assert.deepEqual(
      route.findings.map(({ check }) => check),
      ["reach", "hook", "dialect", "headers", "client", "page", "channel", "app"],
    );
  });

  it("proto: a certificate nobody knows, and a scheme nginx does not tell", async () => {
    const tls = ["proto", "--via", `https://127.0.0.1:${tlsPort}`];
    const found = async (args: readonly string[]) =>
      (await ask(args)).routes[0]!.findings.filter(({ result }) => result !== "ok").map(({ code }) => code);
    assert.deepEqual(await found(tls), ["certificate", "proto_wrong"]);
    assert.deepEqual(await found([...tls, "--insecure"]), ["proto_wrong"]);
  });

  it("a sleeper: says that it sleeps, wakes it when asked to, and sees it handed over", async () => {
    const via = ["--via", `http://127.0.0.1:${port}`];
    const [asleep] = (await ask(["sleeper", ...via])).routes;
    assert.deepEqual(asleep?.findings.at(-1), {
      check: "hand_over",
      result: "skipped",
      code: "asleep",
      text: "it is napping: --wake wakes it and looks at the rest",
    });
    const [woken] = (await ask(["sleeper", "--wake", ...via])).routes;
    assert.equal(woken?.findings.at(-1)?.code, "hand_over");
    assert.ok(woken?.findings.every(({ result }) => result === "ok"));
  });
});

describe("Caddy", { concurrency: false }, () => {
  let port = 0;
  before(async () => {
    const site = (way: string, rest: string): string => `http://${way}.doctor.test:PORT {\n${rest}\n}\n`;
    const proxied = `reverse_proxy ${places.app}`;
    const asking = (address: string, rest = "uri /auth/caddy?"): string =>
      `forward_auth ${address} {\n${rest}\nheader_up X-Forwarded-Uri {http.request.orig_uri}\n}`;
    const sites = [
      site("right", `import nodoff_guard\nimport nodoff_errors\n${proxied}`),
      site("unhooked", proxied),
      site("dialect", `${asking(places.hook, "uri /auth/nginx?")}\n${proxied}`),
      site("down", `${asking(places.nobody)}\n${proxied}`),
      site("untrusted", `${asking(places.strict)}\n${proxied}`),
      site("host", `${asking(places.hook, "uri /auth/caddy?\nheader_up X-Forwarded-Host other.test")}\n${proxied}`),
      site(
        "swallowed",
        `handle /.nodoff/* {\nreverse_proxy ${places.hook}\n}\nhandle {\n` +
          `${asking(places.hook, "uri /auth/caddy?\n@no status 503\nhandle_response @no {\nrespond sorry 500\n}")}\n${proxied}\n}`,
      ),
      site("away", `import nodoff_guard\nimport nodoff_errors\nreverse_proxy ${places.nobody}`),
      site("login", `redir https://login.example.com/auth?rd=x 302`),
      site("channel", `handle /.nodoff/* {\nrespond 404\n}\nhandle {\n${asking(places.hook)}\n${proxied}\n}`),
      site("sleeper", `import nodoff_guard\nimport nodoff_errors\nreverse_proxy 127.0.0.1:${sleeperPort}`),
    ];
    port = await openCaddy(sites.join("\n"), places, atEnd);
  });

  diagnoses(
    () => port,
    [
      ["unhooked", "not_called", /import nodoff/],
      ["dialect", "wrong_dialect", /uri \/auth\/caddy\?/],
      ["down", "hook_down", /NODOFF_ADDRESS/],
      ["untrusted", "untrusted_peer", /trusted_proxies: .*127\.0\.0\.1/],
      ["host", "host_unknown", /X-Forwarded-Host \{host\}/],
      ["swallowed", "page_swallowed", /import nodoff_guard/],
      ["away", "upstream_away", /reverse_proxy/],
      ["login", "login_wall", null],
      ["channel", "channel_away", /handle \/\.nodoff\/\*/],
      ["nowhere", "no_router", null],
    ],
  );

  it("right: everything is, hand-over included", async () => {
    assert.deepEqual(await wrong(port, "right"), { codes: [], lines: [] });
    const {
      routes: [route],
    } = await ask(["sleeper", "--wake", "--via", `http://127.0.0.1:${port}`]);
    assert.ok(
      route?.findings.every(({ result }) => result === "ok"),
      JSON.stringify(route),
    );
  });
});

describe("HAProxy", { concurrency: false }, () => {
  const opened = (hook: string): Promise<number> => {
    const is = (way: string): string => `{ hdr(host),field(1,:) -i ${way}.doctor.test }`;
    const frontend = [
      `http-request lua.nodoff unless ${is("unhooked")}`,
      `use_backend nodoff if { var(txn.nodoff) -m found } !${is("swallowed")} !${is("channel")}`,
      `use_backend nodoff if { var(txn.nodoff) -m found } ${is("channel")} !{ path_beg /.nodoff/ }`,
      `use_backend nodoff if ${is("swallowed")} { path_beg /.nodoff/ }`,
      `use_backend away if ${is("away")}`,
      `use_backend sleeper if ${is("sleeper")}`,
      "default_backend app",
    ];
    const backend = (name: string, address: string): string => `backend ${name}\n    server ${name} ${address}`;
    const apps = { app: places.app, away: places.nobody, sleeper: `127.0.0.1:${sleeperPort}` };
    const backends = Object.entries(apps).map(([name, address]) => backend(name, address));
    return openHaproxy({ hook, frontend: frontend.join("\n"), backends: backends.join("\n") }, atEnd);
  };
  let port = 0;
  let down = 0;
  let strict = 0;
  before(async () => {
    [port, down, strict] = await Promise.all([opened(places.hook), opened(places.nobody), opened(places.strict)]);
  });

  const named = ["--proxy", "haproxy"];
  diagnoses(
    () => port,
    [
      ["unhooked", "not_called", /http-request lua\.nodoff if is_unhooked/, named],
      ["swallowed", "page_swallowed", /use_backend nodoff/, named],
      ["away", "upstream_away", /do-resolve/],
      ["channel", "channel_away", /use_backend nodoff/],
    ],
  );
  diagnoses(() => down, [["down", "hook_down", /presetenv NODOFF_ADDRESS/, named]]);
  diagnoses(() => strict, [["untrusted", "untrusted_peer", /trusted_proxies: .*127\.0\.0\.1/]]);

  it("right: everything is, hand-over included, and it is known by not signing nodoff's page", async () => {
    assert.deepEqual(await wrong(port, "right"), { codes: [], lines: [] });
    const {
      routes: [route],
    } = await ask(["sleeper", "--wake", "--via", `http://127.0.0.1:${port}`]);
    assert.equal(route?.proxy, "haproxy");
    assert.ok(
      route.findings.every(({ result }) => result === "ok"),
      JSON.stringify(route),
    );
  });
});

describe("Traefik", { concurrency: false, skip: noTraefik }, () => {
  let port = 0;
  let outer = 0;
  before(async () => {
    const forwardAuth = (address: string, more: object = {}) => ({ forwardAuth: { address, ...more } });
    const at = (path: string): string => `http://${places.hook}${path}`;
    const middlewares = {
      nodoff: forwardAuth(at("/auth/traefik")),
      again: forwardAuth(at("/auth/traefik")),
      nginx: forwardAuth(at("/auth/nginx")),
      down: forwardAuth(`http://${places.nobody}/auth/traefik`),
      stripped: forwardAuth(at("/auth/traefik"), { authRequestHeaders: ["Accept", "User-Agent"] }),
      strict: forwardAuth(`http://${places.strict}/auth/traefik`),
      believing: forwardAuth(at("/auth/traefik"), { trustForwardHeader: true }),
      other: { headers: { customRequestHeaders: { "X-Forwarded-Host": "other.test" } } },
      errors: { errors: { status: ["500-599"], service: "app", query: "/error" } },
      login: { basicAuth: { users: ["a:$apr1$x$y"] } },
    };
    const router = (way: Way, names: readonly string[], service = "app") => ({
      rule: `Host(\`${way}.doctor.test\`)`,
      entryPoints: ["web"],
      service,
      ...(names.length === 0 ? {} : { middlewares: names }),
    });
    const all: Partial<Record<Way, readonly string[]>> = {
      right: ["nodoff"],
      unhooked: [],
      dialect: ["nginx"],
      down: ["down"],
      untrusted: ["strict"],
      host: ["other", "believing"],
      chained: ["believing"],
      swallowed: ["errors", "nodoff"],
      login: ["login", "nodoff"],
      twice: ["nodoff", "again"],
      stripped: ["stripped"],
    };
    const entries = Object.entries(all).map(([way, names]) => [way, router(way as Way, names)]);
    const http = {
      routers: { ...Object.fromEntries(entries), away: router("away", ["nodoff"], "nobody") },
      middlewares,
      services: {
        app: { loadBalancer: { servers: [{ url: `http://${places.app}` }] } },
        nobody: { loadBalancer: { servers: [{ url: `http://${places.nobody}` }] } },
      },
    };
    const args = ["--entryPoints.web.forwardedHeaders.trustedIPs=127.0.0.1/32"];
    port = await openTraefik({ http }, { last: "away", args }, atEnd);
    const pass = `proxy_set_header Host $http_host; proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;`;
    const server = `server { listen 127.0.0.1:PORT; location / { ${pass} proxy_pass http://127.0.0.1:${port}; } }`;
    outer = await openNginx(server, places, atEnd);
  });

  const traefik = ["--proxy", "traefik"];
  diagnoses(
    () => port,
    [
      ["unhooked", "not_called", /middlewares=nodoff@docker/, traefik],
      ["dialect", "wrong_dialect", /\/auth\/traefik/, traefik],
      ["down", "hook_down", /forwardauth\.address/, traefik],
      ["untrusted", "untrusted_peer", /trusted_proxies: .*127\.0\.0\.1/],
      ["host", "host_unknown", /trustForwardHeader=false/],
      ["swallowed", "page_swallowed channel_away", /middlewares=nodoff@docker,errors@docker/],
      ["away", "upstream_away", /loadbalancer\.server\.port/],
      ["login", "login_wall", null],
      ["twice", "called_twice", null],
      ["stripped", "mark_lost", /authRequestHeaders=.*X-Nodoff-Probe/, traefik],
      ["nowhere", "no_router", /allownonrunning=true/],
    ],
  );

  it("right: everything is, the page's channel by the hook", async () => {
    assert.deepEqual(await wrong(port, "right"), { codes: [], lines: [] });
  });

  it("chained: a proxy before it, whose address is not the client's", async () => {
    const { codes, lines } = await wrong(outer, "chained", traefik);
    assert.deepEqual([codes, lines], [["client_wrong"], ["proxy_hops: 2"]]);
  });
});

describe("without a proxy to ask", () => {
  const codes = async (args: readonly string[], port?: number) =>
    (await ask(args, port)).routes.flatMap(({ findings }) => findings.map(({ code }) => code));

  it("tells names that do not resolve from ports where nobody listens", async () => {
    assert.deepEqual(await codes(["right"]), ["dns"]);
    assert.deepEqual(await codes(["right", "--via", `http://${nobody}`]), ["refused"]);
    assert.deepEqual(await codes(["right", "--via", `https://${appAddress}`]), ["tls"]);
  });

  it("knows whether the hook refuses strangers", async () => {
    const result = async (port: number) => (await ask(["right", "--via", `http://${nobody}`], port)).nodoff[0]?.code;
    assert.equal(await result(home.port), "trusted_here");
    assert.equal(await result(strictHome.port), "strangers_refused");
    const open = `server { listen 127.0.0.1:PORT; location / { proxy_set_header X-Forwarded-For $remote_addr;
      proxy_pass http://${places.hook}; } }`;
    assert.equal(await result(await openNginx(open, places, atEnd)), "strangers_let_in");
  });

  it("knows nodoff's own proxy", async () => {
    const own = ["--via", `http://127.0.0.1:${ownPort}`];
    assert.deepEqual(await codes(["right", ...own]), ["answers", "own_proxy", "app"]);
    const { code, routes: found } = await ask(["sleeper", "--wake", ...own]);
    assert.equal(code, 0, JSON.stringify(found));
  });

  it("is a command as the others: words, and 1 where something is wrong", async () => {
    const line = ["doctor", "right", "--config", home.file, "--via", `http://${nobody}`];
    const { code, lines } = await runNodoff(line);
    assert.equal(code, 1);
    assert.match(
      lines.join("\n"),
      /^nodoff {2}http.*\n.*\nright {2}http:\/\/right\.doctor\.test:\d+\/\n {2}WRONG {3}reach: nobody listens there/,
    );
    assert.equal(lines.at(-1), "1 thing is wrong");
  });
});
