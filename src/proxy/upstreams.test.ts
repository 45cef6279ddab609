import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, it } from "node:test";
import { fetchFrom, open, openStage } from "../../test/support/proxy-stage.ts";
import { createTurns } from "../core/turns.ts";

describe("a route with several upstreams", () => {
  it("gives each its share, and tries the next where one is not there", async (t) => {
    const servers = ["a", "b"].map((name) => createServer((_req, res) => void res.end(name)));
    for (const server of servers) await open(t, server);
    const urls = servers.map((server) => `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    const upstreams = [...urls, "http://127.0.0.1:1"].map((url) => ({ url, weight: 1 }));
    const next = createTurns(upstreams);
    const { port, route } = await openStage(t, {
      upstream: null,
      hasWorkload: false,
      origin: () => next(() => true),
      spec: { workload: null, upstreams },
    });
    const answers: string[] = [];
    for (let i = 0; i < 6; i++) answers.push((await fetchFrom(port)).body.toString());
    assert.equal(answers.filter((answer) => answer === "a").length, 3);
    assert.equal(answers.filter((answer) => answer === "b").length, 3);
    await route.idle();
    assert.equal(route.rechecks, 0);
  });
});
