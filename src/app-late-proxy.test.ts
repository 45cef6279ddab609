import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createLateProxy, type LateProxyDeps, type OwnProxy } from "./app-late-proxy.ts";
import type { Route } from "./core/route.ts";
import { fakeRegistry, fakeRoute } from "../test/support/fake-doors.ts";
import { routeSpec } from "../test/support/specs.ts";

const closed: LateProxyDeps["addresses"] = {
  hook: { host: "127.0.0.1", port: 0 },
  proxy: null,
  tls: null,
  acceptProxy: false,
  fallback: null,
};
const at = { host: "127.0.0.1", port: 1 };
const nothing = { proxy: null, tls: null, fallback: null };

function world({ addresses = closed, failure = null as Error | null } = {}) {
  const routes: Route[] = [];
  const calls: string[] = [];
  const own: OwnProxy = {
    useCertificates: (files) => Promise.resolve(void calls.push(`certificates ${files.length}`)),
    problems: () => [],
    open: () => Promise.resolve({ ...nothing, proxy: at }),
    update: () => Promise.resolve(void calls.push("update")),
    missing: () => ["as the real one says"],
    close: ({ graceMs }) => Promise.resolve(void calls.push(`close ${graceMs}`)),
  };
  const load = (): Promise<OwnProxy> => {
    calls.push("load");
    return failure === null ? Promise.resolve(own) : Promise.reject(failure);
  };
  return { late: createLateProxy({ addresses, registry: fakeRegistry(routes), load }), routes, calls };
}

describe("an own proxy that is loaded where something wants it", () => {
  it("is not where nothing does", async () => {
    const { late, calls } = world();
    await late.useCertificates([]);
    assert.deepEqual(await late.open(), nothing);
    await late.update();
    assert.deepEqual([late.problems(), late.missing()], [[], []]);
    await late.close({ graceMs: 1 });
    assert.deepEqual(calls, []);
  });

  it("is for a port that `listen` names, which is missing until then", async () => {
    const { late, calls } = world({ addresses: { ...closed, proxy: at, fallback: at } });
    assert.deepEqual(late.missing(), ["listen.proxy", "listen.fallback"]);
    assert.deepEqual(await late.open(), { ...nothing, proxy: at });
    assert.deepEqual(late.missing(), ["as the real one says"]);
    await late.close({ graceMs: 2 });
    assert.deepEqual(calls, ["load", "close 2"]);
  });

  it("is for a route that comes with a port, and stays when it goes", async () => {
    const { late, routes, calls } = world();
    routes.push(fakeRoute(routeSpec({ alias: "redis", listen: at }), null));
    assert.deepEqual(late.missing(), ["port of redis"]);
    await late.update();
    routes.pop();
    await late.update();
    assert.deepEqual(calls, ["load", "update", "update"]);
  });

  it("is for certificates, and hears when there are none any more", async () => {
    const { late, calls } = world();
    const place = { file: "nodoff.yaml", line: 1, column: 1, key: "" };
    await late.useCertificates([{ certFile: "a.pem", keyFile: "a.key", certAt: place, keyAt: place }]);
    await late.useCertificates([]);
    assert.deepEqual(calls, ["load", "certificates 1", "certificates 0"]);
  });

  it("tells why it cannot be loaded, and has nothing to close then", async () => {
    const { late } = world({ addresses: { ...closed, proxy: at }, failure: new Error("a file is gone") });
    await assert.rejects(late.open(), /a file is gone/);
    await late.close({ graceMs: 3 });
  });
});
