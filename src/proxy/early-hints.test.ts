import assert from "node:assert/strict";
import { once } from "node:events";
import { request } from "node:http";
import type { IncomingHttpHeaders, InformationEvent, ServerResponse } from "node:http";
import { createServer as createHttp2 } from "node:http2";
import { createServer } from "node:net";
import { describe, it } from "node:test";
import { fetchFrom, openStage, sendRaw } from "../../test/support/proxy-stage.ts";
import { openPlainSession } from "../../test/support/secure-stage.ts";

const link = "</style.css>; rel=preload; as=style";

/** Says so at once, and the rest when told. */
function hinting(): { readonly upstream: (req: unknown, res: ServerResponse) => void; finish(): void } {
  const done = Promise.withResolvers<void>();
  return {
    upstream(_req, res) {
      res.writeEarlyHints({ link, "x-app": "1", "keep-alive": "timeout=5" });
      void done.promise.then(() => res.end("page"));
    },
    finish: done.resolve,
  };
}

describe("103 Early Hints", () => {
  it("reach a client of HTTP/1.1 before the answer, without what belongs to one connection", async (t) => {
    const { upstream, finish } = hinting();
    const { port } = await openStage(t, { upstream });
    const req = request({ port, host: "127.0.0.1", agent: false, headers: { host: "app.test" } });
    const hint = once(req, "information") as Promise<[InformationEvent]>;
    const answer = once(req, "response");
    req.end();
    const [{ statusCode, headers }] = await hint;
    assert.deepEqual([statusCode, headers], [103, { link, "x-app": "1" }]);
    finish();
    const [res] = await answer;
    assert.equal(res.statusCode, 200);
    res.resume();
    await once(res, "end");
  });

  it("reach a client of HTTP/2, and come from h2c as well", async (t) => {
    const server = createHttp2((_req, res) => {
      res.writeEarlyHints({ link });
      res.end("page");
    });
    const { port } = await openStage(t, { upstream: server as never, scheme: "h2c" });
    const session = await openPlainSession(t, port);
    const stream = session.request({ ":authority": "app.test", ":path": "/" });
    const hint = once(stream, "headers") as Promise<[IncomingHttpHeaders & { readonly ":status": number }]>;
    const answer = once(stream, "response");
    stream.resume().end();
    const [headers] = await hint;
    assert.deepEqual([headers[":status"], headers.link], [103, link]);
    const [final] = (await answer) as [IncomingHttpHeaders & { readonly ":status": number }];
    assert.equal(final[":status"], 200);
    await once(stream, "close");
  });

  it("do not reach HTTP/1.0, which would take them for the answer", async (t) => {
    const { upstream, finish } = hinting();
    finish();
    const { port } = await openStage(t, { upstream });
    assert.match(await sendRaw(port, "GET / HTTP/1.0\r\nHost: app.test\r\n\r\n"), /^HTTP\/1\.1 200 /);
  });

  it("that make no sense, and other interim answers, are dropped, and the answer follows", async (t) => {
    const upstream = createServer((socket) =>
      socket.once("data", () => {
        socket.write("HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: nonsense\r\n\r\n");
        socket.write("HTTP/1.1 103 Early Hints\r\nX-App: 1\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\npage");
      }),
    );
    const { port } = await openStage(t, { upstream });
    const got = await fetchFrom(port);
    assert.deepEqual([got.status, got.body.toString()], [200, "page"]);
  });
});
