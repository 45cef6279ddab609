import assert from "node:assert/strict";
import { it } from "node:test";
import { routeSpec, workloadSpec } from "../../../test/support/specs.ts";
import type { UpstreamSpec } from "../../core/spec.ts";
import { type Place, toSites, toUrl, withoutAddress } from "./sites.ts";

/** Where a proxy finds an app that is a container; null = nodoff has to say. */
function addressOf(upstream: UpstreamSpec | null, exposed: number | null, place: Place = "network"): string | null {
  const sites = toSites(
    {
      routes: [routeSpec({ alias: "blog", workload: "blog", hosts: ["blog.test"] })],
      workloads: [workloadSpec({ alias: "blog", ref: "blog-web", upstream })],
      exposed: new Map(exposed === null ? [] : [["blog", exposed]]),
    },
    place,
  );
  const app = sites[0]?.routes[0]?.app;
  assert.deepEqual(withoutAddress(sites), app?.by === "nodoff" ? ["blog"] : []);
  return app?.by === "address" ? toUrl(app) : null;
}

it("takes the port that is said, else the one the container exposes, and the container's name", () => {
  const said: UpstreamSpec = { kind: "port", scheme: "http", port: 2368 };
  assert.equal(addressOf(said, null), "http://blog-web:2368");
  assert.equal(addressOf(said, 3000), "http://blog-web:2368");
  assert.equal(addressOf({ ...said, port: null }, 3000), "http://blog-web:3000");
  assert.equal(addressOf(null, 3000), "http://blog-web:3000");
  assert.equal(addressOf(null, null), null);
  assert.equal(addressOf(said, 3000, "host"), null, "names lead nowhere on the host");
});
