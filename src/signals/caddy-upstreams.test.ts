import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { networkInterfaces } from "node:os";
import { describe, it } from "node:test";
import type { TestContext } from "node:test";
import { fakeClock } from "../../test/support/fake-clock.ts";
import { fakeSubject } from "../../test/support/subject.ts";
import { createCaddyUpstreams } from "./caddy-upstreams.ts";

const options = { signal: new AbortController().signal };

/** An admin endpoint that answers as the test says. */
async function admin(t: TestContext, answer: RequestListener) {
  const server = createServer(answer).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

interface WorldOptions {
  readonly listed?: unknown;
  readonly hosts?: Readonly<Record<string, readonly string[]>>;
}

async function world(t: TestContext, { listed = [], hosts = {} }: WorldOptions = {}) {
  const clock = fakeClock();
  const state = { listed, asked: 0, looked: [] as string[] };
  const url = await admin(t, (_req, res) => {
    state.asked++;
    res.end(JSON.stringify(state.listed));
  });
  const upstreams = createCaddyUpstreams(
    {
      clock,
      resolve: async (host) => {
        state.looked.push(host);
        return /^[\d.]+$/.test(host) ? [host] : (hosts[host] ?? []);
      },
    },
    () => url,
  );
  const open = async (origins: readonly string[], ref = "blog-web"): Promise<number | undefined> =>
    (await upstreams.view(fakeSubject({ spec: { ref }, origins }), options))?.open;
  return { clock, state, upstreams, open };
}

const entry = (address: string, open = 0): object => ({ address, num_requests: open, fails: 0 });

describe("Caddy's upstreams", () => {
  it("are found by the address as it is written", async (t) => {
    const listed = [
      entry("10.0.0.2:80", 3),
      entry("10.0.0.2:8080", 5),
      entry("localhost:3000", 1),
      entry("hook:8090", 9),
    ];
    const { open, state } = await world(t, { listed });
    assert.equal(await open(["http://10.0.0.2"]), 3);
    assert.equal(await open(["http://127.0.0.1:3000"]), 1);
    assert.equal(await open(["http://10.0.0.2", "http://10.0.0.2:8080"]), 8);
    assert.deepEqual(state.looked, []);
  });

  it("are found by the container's or the service's name", async (t) => {
    const { open } = await world(t, { listed: [entry("blog-web:2368", 2), entry("web:80", 4)] });
    assert.equal(await open(["http://172.17.0.2:2368"], "blog-web"), 2);
    assert.equal(await open(["http://172.17.0.2:80"], "shop/web"), 4);
    assert.equal(await open(["http://172.17.0.2:2368"], "shop-web"), undefined);
  });

  it("are found by what a name resolves to, asking only about the same port", async (t) => {
    const listed = [entry("alias:80", 2), entry("other:80", 4), entry("alias:81", 8)];
    const hosts = { alias: ["172.17.0.2"], other: ["172.17.0.3"], app: ["172.17.0.3"] };
    const { open, state } = await world(t, { listed, hosts });
    assert.equal(await open(["http://172.17.0.2"]), 2);
    assert.equal(await open(["http://app"]), 4);
    assert.equal(await open(["http://172.17.0.9"]), undefined);
    state.looked.length = 0;
    assert.equal(await open(["http://172.17.0.2:9"]), undefined);
    assert.deepEqual(state.looked, []);
  });

  it("are asked for once per second, however many workloads there are", async (t) => {
    const { clock, open, state } = await world(t, { listed: [entry("10.0.0.2:80")] });
    const origins = ["http://10.0.0.2"];
    assert.deepEqual(await Promise.all([open(origins), open(origins), open(["http://x"])]), [0, 0, undefined]);
    clock.advance(999);
    await open(origins);
    assert.equal(state.asked, 1);
    state.listed = [entry("10.0.0.2:80", 1)];
    clock.advance(1);
    assert.equal(await open(origins), 1);
    assert.equal(state.asked, 2);
  });

  it("come from this machine where the admin endpoint is on it", async (t) => {
    const { upstreams } = await world(t, { listed: [entry("10.0.0.2:80")] });
    const view = await upstreams.view(fakeSubject({ origins: ["http://10.0.0.2"] }), options);
    const own = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
    for (const { address, family } of own)
      if (family === "IPv4") assert.equal(view?.isCaddy(address, 80), true, address);
    assert.equal(view?.isCaddy("192.0.2.1", 80), false);
    assert.equal(view?.isCaddy("127.0.0.1", 22), false, "Caddy has no business at this port");
  });

  it("are none before Caddy has any", async (t) => {
    const { open } = await world(t, { listed: null });
    assert.equal(await open(["http://10.0.0.2"]), undefined);
  });

  it("name what is wrong with the endpoint", async (t) => {
    const clock = fakeClock();
    const resolve = (): Promise<readonly string[]> => Promise.resolve([]);
    const subject = fakeSubject({ origins: ["http://10.0.0.2"] });
    let url = "";
    const upstreams = createCaddyUpstreams({ clock, resolve }, () => url);
    const fails = (adminUrl: string, message: RegExp): Promise<void> => {
      url = adminUrl;
      return assert.rejects(upstreams.view(subject, options), { code: "PROVIDER_UNAVAILABLE", message });
    };
    await fails("http://127.0.0.1:1", /^Caddy's admin endpoint \(http:\/\/127.0.0.1:1\): .*ECONNREFUSED/);
    await fails("unix:///nonexistent.sock", /ENOENT/);
    await fails("nonsense", /Invalid URL/);
    await fails(await admin(t, (_req, res) => void res.end("hello")), /the answer is no list of upstreams/);
    await fails(await admin(t, (_req, res) => void res.end('{"a":1}')), /the answer is no list of upstreams/);
    const refusing = await admin(t, (_req, res) => void res.writeHead(403).end('{"error":"host not allowed: x"}'));
    await fails(refusing, /answered 403 .*host not allowed.*origins/);
    const arrived = Promise.withResolvers<void>();
    const failing = fails(await admin(t, () => arrived.resolve()), /no answer within 2 s/);
    await arrived.promise;
    await clock.advanceAsync(2_000);
    await failing;
    assert.equal(clock.pending, 0);
  });
});
