import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { it } from "node:test";
import { freePort } from "../support/e2e/child.ts";
import { ask, program } from "../support/e2e/client.ts";
import { startNginx } from "../support/e2e/nginx.ts";

it("nginx with kept answers: one that leads nowhere ends at nodoff, never in a bare 401", async (t) => {
  const nowhere = `127.0.0.1:${await freePort()}`;
  const asked: string[] = [];
  const nodoff = createServer((req, res) => {
    const door = req.url?.split("?", 1)[0] ?? "";
    asked.push(door);
    if (door === "/auth/nginx") return void res.writeHead(200, { "X-Nodoff-Upstream": `http://${nowhere}` }).end();
    res.writeHead(503, { "X-Nodoff-State": "ready" }).end("nodoff");
  });
  await new Promise<void>((resolve) => nodoff.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    nodoff.close();
    nodoff.closeAllConnections();
  });
  const { port: hookPort } = nodoff.address() as AddressInfo;
  const site = { alias: "blog", host: "blog.localhost", login: false, address: nowhere, published: nowhere };
  const nginx = await startNginx({ variant: "host", hookPort, sites: [site], cached: true });
  t.after(() => nginx.close());
  const times = (door: string): number => asked.filter((each) => each === door).length;
  // Each is kept for a second: on a busy machine the next may come too late.
  for (let sent = 1; times("/auth/nginx") === sent - 1; sent++) {
    const { status, text } = await ask(nginx.port, { host: site.host, path: "/", headers: program });
    assert.deepEqual([status, text, times("/wake")], [503, "nodoff", sent]);
    assert.ok(sent < 100, "none was kept");
  }
});
