import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createServer as createHttp } from "node:http";
import { createServer } from "node:net";
import type { AddressInfo, Server } from "node:net";
import { join } from "node:path";
import { it } from "node:test";
import { freePort, until } from "../support/e2e/child.ts";
import { ask } from "../support/e2e/client.ts";
import { createEnds } from "../support/e2e/ends.ts";
import { openHome } from "../support/e2e/home.ts";

// What nodoff.yaml says about its own ports, by a nodoff in its own process.
const atEnd = createEnds();
const home = await openHome(atEnd);

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}

it("is not ready before its own ports are open; limits, names of others and the access log work there", async () => {
  const app = createHttp((_req, res) => void res.end("app"));
  const upstream = `http://127.0.0.1:${await listen(app)}`;
  atEnd(() => new Promise((resolve) => app.close(resolve)));
  const squatter = createServer();
  const taken = await listen(squatter);
  const proxy = await freePort();
  await home.write({
    listen: { proxy: `127.0.0.1:${proxy}` },
    providers: {},
    access_log: { path: "access.log", format: "json" },
    routes: {
      app: { host: "app.test", upstream, limits: { rate: "2/1h", body: "1kB" }, security_headers: true },
      other: { listen: `127.0.0.1:${taken}`, upstream },
      named: { listen: `127.0.0.1:${taken}`, host: "named.test", upstream, via: true },
    },
  });
  const nodoff = await home.serve();
  const ready = async () => {
    const { status, text } = await nodoff.get("/readyz");
    return { status, missing: (JSON.parse(text) as { missing: readonly string[] }).missing };
  };
  assert.deepEqual(await ready(), { status: 503, missing: ["port of other", "port of named"] });
  await new Promise((resolve) => squatter.close(resolve));
  await until("ready", async () => ((await ready()).status === 200 ? true : undefined));

  const got = await ask(proxy, { host: "app.test", path: "/one?q=1" });
  assert.deepEqual([got.status, got.text, got.headers["x-content-type-options"]], [200, "app", "nosniff"]);
  assert.equal(
    (await ask(proxy, { host: "app.test", path: "/", method: "POST", body: "a".repeat(1_001) })).status,
    413,
  );
  assert.equal((await ask(proxy, { host: "app.test", path: "/" })).status, 429);
  assert.equal((await ask(taken, { host: "anything.test", path: "/" })).headers["via"], undefined);
  assert.equal((await ask(taken, { host: "named.test", path: "/" })).headers["via"], "1.1 nodoff");

  const lines = await until("five lines", async () => {
    const text = await readFile(join(home.directory, "access.log"), "utf8").catch(() => "");
    const found = text.split("\n").filter((line) => line !== "");
    return found.length < 5 ? undefined : found;
  });
  const notes = lines.map((line) => JSON.parse(line) as { status: number; route: string; path: string });
  assert.deepEqual(
    notes.map(({ status, route, path }) => `${status} ${route} ${path}`),
    ["200 app /one?q=1", "413 app /", "429 app /", "200 other /", "200 named /"],
  );
});
