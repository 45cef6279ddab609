import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { it } from "node:test";
import { freePort, until } from "../support/e2e/child.ts";
import { ask } from "../support/e2e/client.ts";
import { createEnds } from "../support/e2e/ends.ts";
import { openHome } from "../support/e2e/home.ts";
import { expectNothingInFlight } from "../support/e2e/in-flight.ts";

// Several behind one name at nodoff's own proxy: processes of its own, and servers that are there anyway.
const atEnd = createEnds();
const home = await openHome(atEnd);
const proxy = await freePort();
const app = join(home.directory, "app.cjs");
await writeFile(
  app,
  `require("node:http").createServer((req, res) => {
     if (req.url === "/crash") process.exit(1);
     res.end(process.env.NAME);
   }).listen(Number(process.env.PORT), "127.0.0.1");`,
);

interface Named {
  readonly server: Server;
  readonly url: string;
}

async function open(name: string): Promise<Named> {
  const server = createServer((_req, res) => void res.end(name));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  atEnd(async () => server.close());
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

const ports = new Map<string, number>();
for (const name of ["one", "two", "three", "four"]) ports.set(name, await freePort());
const member = (name: string): object => ({
  provider: "here",
  process: {
    command: [process.execPath, app],
    cwd: home.directory,
    env: { NAME: name, PORT: String(ports.get(name)) },
  },
  upstream: `http://127.0.0.1:${ports.get(name)}`,
});
const light = await open("light");
const heavy = await open("heavy");
const spare = await open("spare");
await home.write({
  listen: { proxy: `127.0.0.1:${proxy}` },
  providers: { here: { type: "process" } },
  defaults: { idle_timeout: "3s", min_awake: 0, wake_timeout: "30s" },
  workloads: {
    one: member("one"),
    two: member("two"),
    three: member("three"),
    four: member("four"),
    all: { group: ["one", { workload: "two", weight: 2 }], wake: "all", host: "all.test" },
    any: { group: ["three", "four"], wake: "one", host: "any.test" },
  },
  routes: {
    lb: {
      host: "lb.test",
      upstreams: [light.url, { url: heavy.url, weight: 3 }, { url: spare.url, weight: 0 }],
    },
  },
});
const nodoff = await home.serve();
expectNothingInFlight(() => nodoff);
const get = (host: string, path = "/") => ask(proxy, { host, path });
const states = async (...aliases: readonly string[]): Promise<string[]> =>
  Promise.all(aliases.map((alias) => nodoff.state(alias)));

/** Who answered how often. */
async function turns(host: string, count: number): Promise<Record<string, number>> {
  const seen: Record<string, number> = {};
  for (let i = 0; i < count; i++) {
    const { status, text } = await get(host);
    assert.equal(status, 200, text);
    seen[text] = (seen[text] ?? 0) + 1;
  }
  return seen;
}

it("wake: all starts every member, and each gets its share by weight; all sleep after it", async () => {
  await nodoff.inState("all", "napping");
  assert.deepEqual(await turns("all.test", 9), { one: 3, two: 6 });
  assert.deepEqual(await states("one", "two"), ["ready", "ready"]);
  await Promise.all(["all", "one", "two"].map((alias) => nodoff.inState(alias, "napping")));
});

it("wake: one starts one member, which gets everything", async () => {
  await nodoff.inState("any", "napping");
  const seen = await turns("any.test", 4);
  assert.equal(Object.keys(seen).length, 1, JSON.stringify(seen));
  assert.deepEqual((await states("three", "four")).toSorted(), ["napping", "ready"]);
  await Promise.all(["any", "three", "four"].map((alias) => nodoff.inState(alias, "napping")));
});

it("a member that crashes is passed over or waited for: nobody is told of it but whom it answered", async () => {
  await turns("all.test", 1);
  const crashed = await get("all.test", "/crash");
  assert.equal(crashed.status, 502);
  for (let i = 0; i < 20; i++) assert.equal((await get("all.test")).status, 200);
  await until("both again", async () => (Object.keys(await turns("all.test", 3)).length === 2 ? true : undefined));
});

it("upstreams take turns by weight; one that is gone is passed over, one of weight 0 is the last resort", async () => {
  assert.deepEqual(await turns("lb.test", 8), { light: 2, heavy: 6 });
  heavy.server.closeAllConnections();
  await new Promise((resolve) => heavy.server.close(resolve));
  assert.deepEqual(await turns("lb.test", 4), { light: 4 });
  light.server.closeAllConnections();
  await new Promise((resolve) => light.server.close(resolve));
  assert.deepEqual(await turns("lb.test", 2), { spare: 2 });
});
