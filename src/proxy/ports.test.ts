import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createServer as createHttp } from "node:http";
import { createServer } from "node:net";
import { describe, it } from "node:test";
import type { TestContext } from "node:test";
import { createInFlight } from "../core/in-flight.ts";
import type { Route } from "../core/route.ts";
import type { ListenSpec, RouteSpec, StreamSpec } from "../core/spec.ts";
import { createOriginPools } from "../net/origin-pools.ts";
import {
  fetchFrom,
  hastyClock,
  open,
  overdue,
  readUntil,
  stageRegistry,
  stageRoute,
} from "../../test/support/proxy-stage.ts";
import type { StageRoute } from "../../test/support/proxy-stage.ts";
import { recordingLogger } from "../../test/support/logger.ts";
import { dial } from "../../test/support/upgrade-stage.ts";
import { createPorts } from "./ports.ts";

const anywhere: ListenSpec = { host: "127.0.0.1", port: 0 };

function stream(listen: ListenSpec = anywhere): StreamSpec {
  return { listen, minBytes: 0, sessionTimeoutMs: 60_000, allow: [], acceptProxy: false, sendProxy: false };
}

function openPorts(t: TestContext, origin: () => string) {
  const routes: Route[] = [];
  const carried: StageRoute[] = [];
  const logger = recordingLogger();
  const clock = hastyClock;
  const pools = createOriginPools({ clock });
  const ports = createPorts({
    registry: stageRegistry(routes),
    gate: { admit: () => ({ kind: "allow", decision: "allow" }), present: () => assert.fail() },
    clock,
    logger,
    pools,
    inFlight: createInFlight(clock),
    proxyHops: 1,
    reserved: (_req, res, { route }) => void res.end(`page of ${route.spec.alias}`),
    isTrusted: () => false,
  });
  t.after(async () => {
    await ports.close({ graceMs: 0 });
    await pools.close({ graceMs: 0 });
    // Whatever a test did: with everything closed nothing may count as use any more.
    for (const route of carried) await Promise.race([route.idle(), overdue(`${route.inFlight} still in flight`)]);
  });
  const set = async (...specs: Partial<RouteSpec>[]): Promise<void> => {
    const next = specs.map((spec) => stageRoute(spec, { upstream: origin, hasWorkload: true }));
    carried.push(...next);
    routes.splice(0, routes.length, ...next);
    await ports.update();
  };
  const portOf = (alias: string): number => ports.open.get(alias)?.port ?? assert.fail(`${alias} is not open`);
  return { ports, set, portOf, lines: logger.lines };
}

describe("ports of routes", () => {
  it("serve an HTTP route whatever the host, below its path, with the loading page's channel", async (t) => {
    const at = await open(
      t,
      createHttp((req, res) => void res.end(`${req.headers.host} ${req.url}`)),
    );
    const { set, portOf } = openPorts(t, () => `http://127.0.0.1:${at}`);
    await set({ alias: "by-port", hosts: [], listen: anywhere, path: "/app" });
    const port = portOf("by-port");
    const got = await fetchFrom(port, { path: "/app/x", headers: { host: "127.0.0.1:8085" } });
    assert.equal(got.body.toString(), "127.0.0.1:8085 /app/x");
    assert.equal((await fetchFrom(port, { path: "/apple" })).status, 404);
    const page = await fetchFrom(port, { path: "/.nodoff/wait?route=other" });
    assert.equal(page.body.toString(), "page of by-port");
  });

  it("are shared by HTTP routes: by host where they have one, else by path", async (t) => {
    const at = await open(
      t,
      createHttp((req, res) => void res.end(req.url)),
    );
    const { ports, set, portOf } = openPorts(t, () => `http://127.0.0.1:${at}`);
    const free = createServer();
    const listen = { host: "127.0.0.1", port: await open(t, free) };
    await new Promise((resolve) => free.close(resolve));
    const a: Partial<RouteSpec> = { alias: "a", hosts: ["a.test"], listen };
    const rest: Partial<RouteSpec> = { alias: "rest", hosts: [], path: "/rest", listen, stripPath: true };
    const named: Partial<RouteSpec> = { alias: "b", hosts: ["b.test"], listen };
    await set(a, rest, named);
    assert.deepEqual([portOf("a"), portOf("rest"), portOf("b")], [listen.port, listen.port, listen.port]);
    const ask = async (host: string, path: string) => {
      const { status, body } = await fetchFrom(listen.port, { path, headers: { host } });
      return `${status} ${body.toString().replace(/^\{.*/, "")}`.trim();
    };
    const pageOf = async (host: string, query = "") =>
      (await fetchFrom(listen.port, { path: `/.nodoff/wait${query}`, headers: { host } })).body.toString();
    assert.deepEqual(
      [await ask("a.test", "/x"), await ask("c.test", "/rest/y"), await ask("c.test", "/x")],
      ["200 /x", "200 /y", "404"],
    );
    assert.equal(await pageOf("b.test"), "page of b");
    assert.equal(await pageOf("c.test", "?route=rest"), "page of rest");
    assert.match(await pageOf("c.test", "?route=a"), /UNKNOWN_ROUTE/, "another host's page is not told");
    // What stays open loses nobody, and a route alone answers whatever the host again.
    await set(a);
    assert.deepEqual([...ports.open.keys()], ["a"]);
    assert.deepEqual([await ask("c.test", "/rest/y"), await ask("a.test", "/x")], ["200 /rest/y", "200 /x"]);
  });

  it("that are not open are missing", async (t) => {
    const taken = await open(t, createServer());
    const { ports, set } = openPorts(t, () => "tcp://127.0.0.1:1");
    await set(
      { alias: "there", hosts: [], listen: anywhere },
      { alias: "taken", hosts: [], listen: { host: "127.0.0.1", port: taken } },
      { alias: "left-out", hosts: [], excluded: true, listen: { host: "127.0.0.1", port: taken } },
      { alias: "by-host" },
    );
    assert.deepEqual(ports.missing(), ["taken"]);
    await set({ alias: "there", hosts: [], listen: anywhere });
    assert.deepEqual(ports.missing(), []);
  });

  it("come and go with their routes; what stays is not touched", async (t) => {
    const at = await open(
      t,
      createServer((socket) => void socket.pipe(socket)),
    );
    const { ports, set, portOf } = openPorts(t, () => `tcp://127.0.0.1:${at}`);
    const kept: Partial<RouteSpec> = { alias: "kept", kind: "tcp", hosts: [], stream: stream() };
    await set(kept, { alias: "left", kind: "tcp", hosts: [], stream: stream() });
    const client = dial(t, portOf("kept"));
    client.write("a");
    await readUntil(client, /a/);
    const left = dial(t, portOf("left"));
    await once(left, "connect");
    const ended = once(left.resume(), "close");
    left.on("end", () => left.destroy());
    await set(kept);
    await ended;
    assert.deepEqual([...ports.open.keys()], ["kept"]);
    client.write("b");
    await readUntil(client, /b/);
    await set({ ...kept, excluded: true });
    assert.equal(ports.open.size, 0);
  });

  it("follow a route to another port, and give one to the next", async (t) => {
    const at = await open(
      t,
      createServer((socket) => void socket.end("hello")),
    );
    const { set, portOf } = openPorts(t, () => `tcp://127.0.0.1:${at}`);
    await set({ alias: "one", kind: "tcp", hosts: [], stream: stream() });
    const listen = { host: "127.0.0.1", port: portOf("one") };
    await set({ alias: "two", kind: "tcp", hosts: [], stream: stream(listen) });
    assert.equal(await readUntil(dial(t, listen.port), /hello/), "hello");
  });

  it("that are taken are told once, and opened when they are free", async (t) => {
    const taken = createServer();
    const port = await open(t, taken);
    const at = await open(
      t,
      createServer((socket) => void socket.end("hello")),
    );
    const { ports, set, lines } = openPorts(t, () => `tcp://127.0.0.1:${at}`);
    const listen = { host: "127.0.0.1", port };
    await set({ alias: "db", kind: "tcp", hosts: [], stream: stream(listen) });
    assert.equal(ports.open.size, 0);
    const errors = lines.filter(({ message }) => message === "port not open");
    assert.equal(errors.length, 1);
    assert.match(JSON.stringify(errors[0]), /another program listens there already/);
    taken.close();
    while (!ports.open.has("db")) await new Promise((resolve) => setTimeout(resolve, 20));
    assert.equal(await readUntil(dial(t, port), /hello/), "hello");
    assert.equal(lines.filter(({ message }) => message === "port not open").length, 1);
  });

  it("for UDP: carry, are told of when taken, and close", async (t) => {
    const upstream = createSocket("udp4").bind(0, "127.0.0.1");
    await once(upstream, "listening");
    t.after(() => void upstream.close());
    upstream.on("message", (text, { port, address }) => {
      upstream.send(`<${text.toString()}>`, port, address);
    });
    const { ports, set, portOf, lines } = openPorts(t, () => `udp://127.0.0.1:${upstream.address().port}`);
    const taken = { host: "127.0.0.1", port: upstream.address().port };
    await set(
      { alias: "dns", kind: "udp", hosts: [], stream: stream() },
      { alias: "taken", kind: "udp", hosts: [], stream: stream(taken) },
    );
    assert.deepEqual([...ports.open.keys()], ["dns"]);
    assert.equal(lines.filter(({ message }) => message === "port not open").length, 1);
    const client = createSocket("udp4");
    t.after(() => void client.close());
    client.send("who", portOf("dns"), "127.0.0.1");
    const [answer] = (await once(client, "message")) as [Buffer];
    assert.equal(answer.toString(), "<who>");
  });
});
