import assert from "node:assert/strict";
import { it } from "node:test";
import { startNodoff } from "../support/e2e/nodoff.ts";
import { dockerProvider, noTraefik, startTraefik } from "../support/e2e/traefik.ts";
import { openLabelledEngine } from "../support/e2e/traefik-labels.ts";

/** Labels of the kinds people write, in the spellings Traefik takes. */
const shop = {
  "traefik.enable": "true",
  "traefik.HTTP.Routers.Shop.rule": "Host(`shop.test`) && PathPrefix(`/a`)",
  "traefik.http.routers.shop.EntryPoints": "web, web",
  "traefik.http.routers.shop.priority": "42",
  "traefik.http.routers.shop.middlewares": "login, strip,hdr,zip,both@docker",
  "traefik.http.routers.shop.service": "shop",
  "traefik.http.routers.secure.rule": "Host(`shop.test`)",
  "traefik.http.routers.secure.tls": "true",
  "traefik.http.routers.secure.tls.domains[0].main": "shop.test",
  "traefik.http.routers.secure.tls.domains[0].sans": "a.shop.test,b.shop.test",
  "traefik.http.routers.secure.tls.domains[1].main": "other.test",
  "traefik.http.routers.secure.service": "shop",
  "traefik.http.routers.plain.rule": "Host(`plain.test`) || HeaderRegexp(`X-A`, `^b,c$`)",
  "traefik.http.routers.plain.tls": "false",
  "traefik.http.routers.plain.service": "shop",
  "traefik.http.routers.plain.observability.accesslogs": "false",
  "traefik.http.middlewares.login.basicauth.users":
    "a:$apr1$H6uskkkW$IgXLP6ewTrSuBkTrqE8wj/,b:$apr1$H6uskkkW$IgXLP6ewTrSuBkTrqE8wj/",
  "traefik.http.middlewares.login.basicauth.removeheader": "true",
  "traefik.http.middlewares.strip.stripprefix.prefixes": "/a,/b",
  "traefik.http.middlewares.hdr.headers.customrequestheaders.X-List": "1,2, 3",
  "traefik.http.middlewares.hdr.headers.accesscontrolallowmethods": "GET,OPTIONS",
  "traefik.http.middlewares.hdr.headers.stsseconds": "15",
  "traefik.http.middlewares.zip.compress": "true",
  "traefik.http.middlewares.zip2.compress.excludedcontenttypes": "text/event-stream",
  "traefik.http.middlewares.both.chain.middlewares": "zip,hdr",
  "traefik.http.middlewares.limit.ratelimit.average": "100",
  "traefik.http.middlewares.limit.ratelimit.period": "1m",
  "traefik.http.middlewares.limit.ratelimit.sourcecriterion.ipstrategy.depth": "2",
  "traefik.http.services.shop.loadbalancer.server.port": "8080",
  "traefik.http.services.shop.loadbalancer.server.scheme": "h2c",
  "traefik.http.services.shop.loadbalancer.sticky.cookie": "true",
  "traefik.http.services.shop.loadbalancer.sticky.cookie.name": "s",
  "traefik.http.services.shop.loadbalancer.passhostheader": "false",
  "traefik.http.services.shop.loadbalancer.responseforwarding.flushinterval": "100ms",
  "nodoff.enable": "true",
  "nodoff.name": "shop",
  "nodoff.host": "shop.test",
  "nodoff.port": "8080",
};
const nameless = {
  "traefik.enable": "true",
  "com.docker.compose.project": "my_stack",
  "com.docker.compose.service": "web.app",
  "traefik.http.routers.bare.rule": "Host(`bare.test`)",
  "traefik.tcp.routers.raw.rule": "HostSNI(`*`)",
  "traefik.tcp.routers.raw.entrypoints": "web",
  "traefik.tcp.services.raw.loadbalancer.server.port": "8080",
  "nodoff.enable": "true",
  "nodoff.name": "bare",
};

type Found = Readonly<Record<string, unknown>> & { readonly name: string };

it("makes of labels what Traefik's own Docker provider makes of them", { skip: noTraefik }, async (t) => {
  const engine = await openLabelledEngine();
  t.after(() => engine.close());
  for (const labels of [shop, nameless]) await (await engine.createApp(labels)).start();
  const nodoff = await startNodoff({ providers: { local: { type: "docker", url: engine.url } } });
  t.after(() => nodoff.close());
  // Without the kit's constraint: both providers have everything.
  const traefik = await startTraefik([
    ...dockerProvider(engine.run),
    `--providers.http.endpoint=http://127.0.0.1:${nodoff.port}/traefik/config`,
    "--providers.http.pollinterval=1s",
  ]);
  t.after(() => traefik.close());
  for (const name of ["Shop", "secure", "plain", "bare"])
    for (const provider of ["docker", "http"]) await traefik.routed(`${name}@${provider}`);

  const compared: string[] = [];
  for (const kind of ["http/routers", "http/services", "http/middlewares", "tcp/routers", "tcp/services"]) {
    const all = (await (await fetch(`${traefik.apiUrl}/api/${kind}?per_page=100`)).json()) as readonly Found[];
    // For the entry point with TLS Traefik makes a twin of each router itself.
    for (const theirs of all.filter(({ name }) => /^(?!websecure-).*@docker$/.test(name))) {
      const ours = all.find(({ name }) => name === theirs.name.replace("@docker", "@http"));
      assert.ok(ours !== undefined, `${theirs.name} is missing`);
      assert.deepEqual(plain(ours), plain(theirs), theirs.name);
      compared.push(`${kind} ${theirs.name}`);
    }
  }
  assert.equal(compared.length, 4 + 2 + 7 + 1 + 1, compared.join(", "));
  const { middlewares } = (await (await fetch(`${traefik.apiUrl}/api/http/routers/Shop@http`)).json()) as {
    middlewares: readonly string[];
  };
  assert.deepEqual(middlewares, ["login@http", "nodoff@http", "strip@http", "hdr@http", "zip@http", "both@http"]);
});

/** Without what differs by design: whose it is, where its server is, and nodoff's middleware. */
function plain({ name: _name, provider: _provider, usedBy: _usedBy, serverStatus: _status, ...rest }: Found): unknown {
  const text = JSON.stringify(rest).replaceAll("@docker", "@http").replaceAll('"nodoff@http",', "");
  return JSON.parse(
    text.replaceAll(',"middlewares":["nodoff@http"]', "").replaceAll(/(:\/\/|")\d+\.\d+\.\d+\.\d+:\d+/g, "$1server"),
  );
}
