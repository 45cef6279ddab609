import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { before, it } from "node:test";
import { promisify } from "node:util";
import { freePort, startChild, until } from "../support/e2e/child.ts";
import { createEnds } from "../support/e2e/ends.ts";
import { openHome } from "../support/e2e/home.ts";
import type { Served } from "../support/e2e/home.ts";
import { writeCertificate } from "../support/e2e/tls.ts";
import { expectNothingInFlight } from "../support/e2e/in-flight.ts";

// The PROXY protocol as others speak it: HAProxy before and behind nodoff, and curl.
const run = promisify(execFile);
const atEnd = createEnds();
const home = await openHome(atEnd);
/** What clients come from; nodoff's peer is always 127.0.0.1. */
const client = "127.0.0.2";
const names = ["web", "secure", "cache", "guarded", "v1", "v2", "tls", "tcp1", "tcp2", "shut", "behind"] as const;
const ports = new Map<string, number>();
for (const name of names) ports.set(name, await freePort());
const at = (name: (typeof names)[number]): string => `127.0.0.1:${ports.get(name)}`;
let nodoff: Served;
expectNothingInFlight(() => nodoff);

before(async () => {
  const app = createServer((req, res) => void res.end(String(req.headers["x-forwarded-for"])));
  await new Promise<void>((resolve) => app.listen(0, "127.0.0.1", resolve));
  atEnd(async () => app.close());
  const origin = `127.0.0.1:${(app.address() as AddressInfo).port}`;
  // What nodoff's TCP routes lead to takes a header of nodoff's own, and tells the app whom that names.
  const config = join(home.directory, "haproxy.cfg");
  const front = (name: (typeof names)[number], to: string, how: string): string =>
    `listen ${name}\n  mode tcp\n  bind ${at(name)}\n  server nodoff ${to} ${how}\n`;
  await writeFile(
    config,
    [
      "defaults\n  timeout connect 5s\n  timeout client 30s\n  timeout server 30s\n",
      front("v1", at("web"), "send-proxy"),
      front("v2", at("web"), "send-proxy-v2"),
      front("tls", at("secure"), "send-proxy-v2"),
      front("tcp1", at("cache"), "send-proxy"),
      front("tcp2", at("cache"), "send-proxy-v2"),
      front("shut", at("guarded"), "send-proxy-v2"),
      `frontend behind\n  mode http\n  bind ${at("behind")} accept-proxy\n  option forwardfor\n  default_backend app\n`,
      `backend app\n  mode http\n  server app ${origin}\n`,
    ].join("\n"),
  );
  const haproxy = await startChild("haproxy", ["-W", "-f", config]);
  atEnd(() => haproxy.close());
  await haproxy.line((line) => /Loading success/.test(line), "HAProxy worker");
  const { cert, key } = await writeCertificate(home.directory);
  const through = { listen: at("cache"), accept_proxy_protocol: true, send_proxy_protocol: true };
  await home.write({
    listen: {
      proxy: at("web"),
      accept_proxy_protocol: true,
      tls: { address: at("secure"), certificates: [{ cert_file: cert, key_file: key }] },
    },
    providers: {},
    // Nobody but the balancer: its clients are not believed.
    trusted_proxies: ["127.0.0.1"],
    routes: {
      app: { host: "app.test", upstream: `http://${origin}` },
      cache: { tcp: through, upstream: `tcp://${at("behind")}` },
      guarded: {
        tcp: { ...through, listen: at("guarded"), allow: ["127.0.0.1"] },
        upstream: `tcp://${at("behind")}`,
      },
    },
  });
  nodoff = await home.serve();
  await until("ready", async () => ((await nodoff.get("/readyz")).status === 200 ? true : undefined));
});

/** What the app was told of the client, and the version of HTTP. */
async function curl(url: string, ...args: readonly string[]): Promise<string> {
  const host = ["-H", "Host: app.test", "-H", "X-Forwarded-For: 6.6.6.6", "-w", " %{http_version}"];
  return (await run("curl", ["-sS", "-k", "--max-time", "20", ...host, ...args, url])).stdout;
}

for (const [what, name, more, version] of [
  ["HAProxy's version 1", "v1", [], "1.1"],
  ["HAProxy's version 2", "v2", [], "1.1"],
  ["HAProxy's version 2 before HTTP/2 in the clear", "v2", ["--http2-prior-knowledge"], "2"],
] as const)
  it(`${what} names the client at an HTTP port`, async () => {
    assert.equal(await curl(`http://${at(name)}/`, "--interface", client, ...more), `${client} ${version}`);
  });

it("HAProxy's version 2 before TLS names the client, by HTTP/2 and by HTTP/1.1", async () => {
  const url = `https://${at("tls")}/`;
  assert.equal(await curl(url, "--interface", client, "--http2"), `${client} 2`);
  assert.equal(await curl(url, "--interface", client, "--http1.1"), `${client} 1.1`);
});

it("curl's own is read of a trusted peer, and without one such a peer is cut", async () => {
  // The client it names is trusted itself, so that what it says of another is believed.
  assert.equal(await curl(`http://${at("web")}/`, "--haproxy-protocol"), "6.6.6.6, 127.0.0.1 1.1");
  await assert.rejects(curl(`http://${at("web")}/`));
});

it("of a stranger it is a bad request, and his requests without one are served", async () => {
  const url = `http://${at("web")}/`;
  assert.equal(await curl(url, "--interface", client), `${client} 1.1`);
  assert.match(
    await curl(url, "--interface", client, "--haproxy-protocol", "-o", "/dev/null", "-w", "%{http_code}"),
    /^400/,
  );
});

for (const name of ["tcp1", "tcp2"] as const)
  it(`through a TCP route the client of HAProxy's version ${name.slice(-1)} is told on, by version 2`, async () => {
    const told = await curl(`http://${at(name)}/`, "--interface", client);
    // HAProxy behind adds whom nodoff named to what the client said of itself.
    assert.match(told, /(?:^|, )127\.0\.0\.2 1\.1$/);
  });

it("allow of a TCP route is about the client that the header names", async () => {
  await assert.rejects(curl(`http://${at("shut")}/`, "--interface", client));
  assert.match(await curl(`http://${at("shut")}/`), /127\.0\.0\.1 1\.1$/);
});
