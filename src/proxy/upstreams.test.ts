import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, it } from "node:test";
import { fetchFrom, open, openStage, readUntil } from "../../test/support/proxy-stage.ts";
import { eventually } from "../../test/support/relay.ts";
import { askUpgrade, dial, switching } from "../../test/support/upgrade-stage.ts";
import { createTurns } from "../core/turns.ts";

describe("a route whose address is being read", () => {
  it("is served there once it is known, requests and upgrades alike", async (t) => {
    const { server } = switching(t);
    server.on("request", (_req, res) => void res.end("here"));
    const known = `http://127.0.0.1:${await open(t, server)}`;
    let origin: string | null = null;
    const { port, route, asked } = await openStage(t, { upstream: null, origin: () => origin });
    const { promise, resolve } = Promise.withResolvers<void>();
    route.locating = promise;
    const answer = fetchFrom(port);
    const socket = dial(t, port);
    socket.write(askUpgrade());
    await eventually("both have come", () => asked.length === 2);
    origin = known;
    route.locating = null;
    resolve();
    assert.equal((await answer).body.toString(), "here");
    assert.match(await readUntil(socket, /\r\n\r\n/), /^HTTP\/1.1 101 /);
  });

  it("answers at once where the engine does not say", async (t) => {
    const { port } = await openStage(t, { upstream: null, origin: () => null });
    assert.equal((await fetchFrom(port)).status, 502);
  });
});

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
