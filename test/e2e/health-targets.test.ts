import assert from "node:assert/strict";
import { mkdir, rm } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { describe, it } from "node:test";
import { freePort } from "../support/e2e/child.ts";
import { ask } from "../support/e2e/client.ts";
import { createEnds } from "../support/e2e/ends.ts";
import { becomes } from "../support/e2e/health.ts";
import { openHome } from "../support/e2e/home.ts";

// Routes with several targets: who is checked, and who gets traffic.
const atEnd = createEnds();

/** Who answers some requests in a row, by what they say. */
async function answersOf(port: number, host: string): Promise<string> {
  const names = new Set<string>();
  for (let n = 0; n < 6; n++) names.add((await ask(port, { host, path: "/" })).text);
  return [...names].toSorted().join(" ");
}

describe("routes that never sleep", () => {
  it("are watched whatever they lead to: a folder, several upstreams of which all are shown", async () => {
    const home = await openHome(atEnd);
    const root = join(home.directory, "www");
    await mkdir(root);
    const upstreams = await Promise.all(
      [0, 1].map(async () => {
        const server = createServer((_request, response) => void response.end("here"));
        await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
        atEnd(async () => void server.close());
        return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
      }),
    );
    const health = { interval: "1s", timeout: "900ms", fall: 1 };
    await home.write({
      routes: {
        files: { host: "files.test", files: { root }, health },
        lb: { host: "lb.test", upstreams: upstreams.map(({ url }) => url), health },
      },
    });
    const nodoff = await home.serve();
    await becomes(nodoff, "files", { status: "healthy", detail: "readable" });
    await becomes(nodoff, "lb", { status: "healthy", detail: "2 of 2 targets answer" });
    const lb = (await nodoff.api("/routes/lb")) as { readonly upstreams: readonly string[] };
    assert.deepEqual(
      lb.upstreams,
      upstreams.map(({ url }) => url),
    );
    await rm(root, { recursive: true });
    upstreams[0]!.server.closeAllConnections();
    upstreams[0]!.server.close();
    await becomes(nodoff, "files", { status: "unhealthy", detail: "does not exist" });
    await becomes(nodoff, "lb", { status: "healthy", detail: "1 of 2 targets answer" });
    await mkdir(root);
    await becomes(nodoff, "files", { status: "healthy" });
  });
});

describe("a route with several upstreams behind nodoff's proxy", () => {
  it("sends traffic only to those that are healthy, and to all again when they are", async () => {
    const sick = new Set<string>();
    const upstreams = await Promise.all(
      ["a", "b"].map(async (name) => {
        const server = createServer((request, response) => {
          response.statusCode = request.url === "/up" && sick.has(name) ? 500 : 200;
          response.end(name);
        });
        await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
        atEnd(async () => {
          server.close();
          server.closeAllConnections();
        });
        return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      }),
    );
    const port = await freePort();
    const health = { interval: "1s", timeout: "900ms", path: "/up", fall: 1 };
    const home = await openHome(atEnd, {
      listen: { proxy: `127.0.0.1:${port}` },
      routes: { lb: { host: "lb.test", upstreams, health } },
    });
    const nodoff = await home.serve();
    const servedBy = (): Promise<string> => answersOf(port, "lb.test");
    await becomes(nodoff, "lb", { status: "healthy", detail: "2 of 2 targets answer" });
    assert.equal(await servedBy(), "a b");
    sick.add("a");
    await becomes(nodoff, "lb", { status: "healthy", detail: "1 of 2 targets answer" });
    assert.equal(await servedBy(), "b");
    sick.add("b");
    await becomes(nodoff, "lb", { status: "unhealthy" });
    assert.equal(await servedBy(), "a b", "where none is healthy, all may carry");
    sick.clear();
    await becomes(nodoff, "lb", { status: "healthy", detail: "2 of 2 targets answer" });
    assert.equal(await servedBy(), "a b");
  });
});

describe("a group behind nodoff's proxy", () => {
  it("sends traffic only to members that are healthy", async () => {
    const member = `let sick = false;
      require("node:http").createServer((request, response) => {
        if (request.url === "/sick" || request.url === "/well") sick = request.url === "/sick";
        response.statusCode = request.url === "/up" && sick ? 500 : 200;
        response.end(process.env.NAME);
      }).listen(process.env.PORT, "127.0.0.1");`;
    const [port, ...ports] = [await freePort(), await freePort(), await freePort()] as const;
    const members = ["a", "b"].map((name, n) => ({
      provider: "here",
      process: { command: [process.execPath, "-e", member], env: { NAME: name, PORT: String(ports[n]) } },
      upstream: `http://127.0.0.1:${ports[n]}`,
    }));
    const health = { interval: "1s", timeout: "900ms", path: "/up", fall: 1, start_grace: 0 };
    const home = await openHome(atEnd, {
      listen: { proxy: `127.0.0.1:${port}` },
      providers: { here: { type: "process" } },
      workloads: {
        a: members[0],
        b: members[1],
        pair: { group: ["a", "b"], wake: "all", host: "pair.test", health },
      },
    });
    const nodoff = await home.serve();
    const servedBy = (): Promise<string> => answersOf(port, "pair.test");
    assert.equal(await servedBy(), "a b");
    await becomes(nodoff, "pair", { status: "healthy", detail: "2 of 2 targets answer" });
    await fetch(`http://127.0.0.1:${ports[0]}/sick`);
    await becomes(nodoff, "pair", { status: "healthy", detail: "1 of 2 targets answer" });
    assert.equal(await servedBy(), "b");
    await fetch(`http://127.0.0.1:${ports[0]}/well`);
    await becomes(nodoff, "pair", { status: "healthy", detail: "2 of 2 targets answer" });
    assert.equal(await servedBy(), "a b");
  });
});
