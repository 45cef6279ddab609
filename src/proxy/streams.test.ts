import assert from "node:assert/strict";
import { once } from "node:events";
import { request as startRequest } from "node:http";
import type { IncomingMessage, Server as HttpServer } from "node:http";
import { describe, it } from "node:test";
import { openStage } from "../../test/support/proxy-stage.ts";

const readAll = async (req: IncomingMessage): Promise<Buffer> => {
  const chunks: Buffer[] = [];
  for await (const chunk of req) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
};

describe("a stream through the proxy", () => {
  it("does not buffer an event stream: head and events arrive while it stays open", async (t) => {
    const said = Promise.withResolvers<(text: string) => void>();
    const { port, route } = await openStage(t, {
      upstream: (_req, res) => {
        res.writeHead(200, { "content-type": "text/event-stream" }).flushHeaders();
        said.resolve((text) => void res.write(text));
      },
    });
    const req = startRequest({ host: "127.0.0.1", port, agent: false, headers: { host: "app.test" } }).end();
    const [res] = (await once(req, "response")) as [IncomingMessage];
    const say = await said.promise;
    for (const event of ["data: 1\n\n", "data: 2\n\n"]) {
      say(event);
      const [chunk] = (await once(res, "data")) as [Buffer];
      assert.equal(chunk.toString(), event);
    }
    assert.equal(route.inFlight, 1);
    req.destroy();
    await route.idle();
  });

  it("has no time limit of the server that could cut it after 30 or 60 s", async (t) => {
    const { proxy } = await openStage(t, { upstream: (_req, res) => void res.end() });
    const { timeout, requestTimeout } = proxy.server as HttpServer;
    assert.deepEqual([timeout, requestTimeout], [0, 0]);
  });

  it("pauses the upstream while the client does not read", async (t) => {
    const total = 64 * 1_048_576;
    let sent = 0;
    const stuck = Promise.withResolvers<void>();
    const { port, route } = await openStage(t, {
      upstream: (_req, res) => {
        res.writeHead(200, { "content-length": total });
        const chunk = Buffer.alloc(65_536);
        const push = (): void => {
          while (sent < total) {
            sent += chunk.length;
            if (res.write(chunk)) continue;
            // Everything on the way is full when no drain comes for a while.
            const timer = setTimeout(() => stuck.resolve(), 200);
            res.once("drain", () => {
              clearTimeout(timer);
              push();
            });
            return;
          }
          res.end();
        };
        push();
      },
    });
    const req = startRequest({ host: "127.0.0.1", port, agent: false, headers: { host: "app.test" } }).end();
    const [res] = (await once(req, "response")) as [IncomingMessage];
    res.pause();
    await stuck.promise;
    assert.ok(sent < 32 * 1_048_576, `the proxy took ${sent} bytes for a client that reads none`);
    let received = 0;
    for await (const chunk of res) received += (chunk as Buffer).length;
    assert.equal(received, total);
    await route.idle();
  });

  it("pauses the client while the upstream does not read", async (t) => {
    const total = 64 * 1_048_576;
    const resumed = Promise.withResolvers<() => void>();
    const { port, route } = await openStage(t, {
      upstream: (req, res) => {
        let received = 0;
        resumed.resolve(() =>
          req.on("data", (chunk: Buffer) => (received += chunk.length)).on("end", () => res.end(`${received}`)),
        );
      },
    });
    const req = startRequest({
      host: "127.0.0.1",
      port,
      agent: false,
      method: "POST",
      headers: { host: "app.test", "content-length": total },
    });
    const chunk = Buffer.alloc(65_536);
    let sent = 0;
    const stuck = Promise.withResolvers<void>();
    const push = (): void => {
      while (sent < total) {
        sent += chunk.length;
        if (req.write(chunk)) continue;
        const timer = setTimeout(() => stuck.resolve(), 200);
        req.once("drain", () => {
          clearTimeout(timer);
          push();
        });
        return;
      }
      req.end();
    };
    push();
    await stuck.promise;
    assert.ok(sent < 32 * 1_048_576, `the proxy took ${sent} bytes for an upstream that reads none`);
    (await resumed.promise)();
    const [res] = (await once(req, "response")) as [IncomingMessage];
    assert.equal((await readAll(res)).toString(), String(total));
    await route.idle();
  });
});
