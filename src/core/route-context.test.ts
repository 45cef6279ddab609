import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { routeSpec, workloadSpec } from "../../test/support/specs.ts";
import { toRouteContext } from "./route-context.ts";
import type { WorkloadHandle } from "./workload-handle.ts";

const of = (upstream: string | null, workload: WorkloadHandle | null = null) =>
  toRouteContext({ spec: routeSpec({ alias: "blog" }), workload, upstream: () => upstream });

describe("route context", () => {
  it("says where a route leads, in pieces", () => {
    const workload = { spec: workloadSpec({ displayName: "My blog" }) } as WorkloadHandle;
    const { url, ...rest } = of("http://172.17.0.2:2368", workload)!;
    assert.equal(url.href, "http://172.17.0.2:2368/");
    assert.deepEqual(rest, {
      alias: "blog",
      upstreamName: "My blog",
      scheme: "http",
      host: "172.17.0.2",
      port: 2368,
      hostPort: "172.17.0.2:2368",
      address: "http://172.17.0.2:2368",
    });
  });

  for (const [address, host, port, hostPort] of [
    ["http://nas", "nas", 80, "nas:80"],
    ["https://nas", "nas", 443, "nas:443"],
    ["h2c://nas:8080", "nas", 8080, "nas:8080"],
    ["http://[::1]:81", "::1", 81, "[::1]:81"],
    ["tcp://cache:6379", "cache", 6379, "cache:6379"],
  ] as const) {
    it(`reads ${address}`, () => {
      const context = of(address);
      assert.deepEqual([context?.host, context?.port, context?.hostPort], [host, port, hostPort]);
    });
  }

  it("is null where there is no address", () => {
    for (const address of [null, "", "nas:80/x y", "http://"]) assert.equal(of(address), null, String(address));
  });
});
