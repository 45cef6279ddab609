import assert from "node:assert/strict";
import { createServer } from "node:net";
import type { Socket } from "node:net";
import { describe, it } from "node:test";
import type { TestContext } from "node:test";
import { fetchFrom, openStage } from "../../test/support/proxy-stage.ts";
import type { Stage } from "../../test/support/proxy-stage.ts";

describe("response smuggling", () => {
  for (const [what, rest] of [
    ["a length beside chunks (CL.TE)", "Content-Length: 99\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"],
    ["two lengths", "Content-Length: 2\r\nContent-Length: 9\r\n\r\nok"],
    ["a bare line feed", "X-A: 1\nSet-Cookie: evil=1\r\nContent-Length: 2\r\n\r\nok"],
    ["a bare carriage return", "X-A: 1\rSet-Cookie: evil=1\r\nContent-Length: 2\r\n\r\nok"],
    ["a negative length", "Content-Length: -1\r\n\r\nok"],
  ] as const)
    it(`response splitting by ${what}: 502`, async (t) => {
      const { port, route } = await openSaying(t, () => rest);
      assert.equal((await fetchFrom(port)).status, 502);
      await route.idle();
    });

  for (const [what, method, first] of [
    ["behind an answer", "GET", "Content-Length: 2\r\n\r\nok"],
    ["behind the head that answers HEAD", "HEAD", "Content-Length: 2\r\n\r\n"],
  ] as const)
    it(`response queue poisoning: a second answer ${what} is nobody's`, async (t) => {
      const evil = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil";
      let asked = 0;
      const { port, route } = await openSaying(t, () =>
        asked++ === 0 ? `${first}${evil}` : "Content-Length: 4\r\n\r\ngood",
      );
      assert.ok([200, 502].includes((await fetchFrom(port, { method })).status));
      await route.idle();
      for (let i = 0; i < 3; i++) {
        const got = await fetchFrom(port).catch(() => null);
        assert.ok(got === null || got.status === 502 || got.body.toString() === "good", String(got?.body));
      }
    });

  it("an upstream that switches protocols unasked: 502, and its connection is not used again", async (t) => {
    const upstream = createServer((socket: Socket) => {
      socket.on("error", () => undefined);
      socket.on(
        "data",
        () => void socket.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\nevil"),
      );
    });
    const { port, route } = await openStage(t, { upstream });
    assert.equal((await fetchFrom(port)).status, 502);
    await route.idle();
  });
});

/** An upstream that answers each request with `200 OK` and what it is given, on connections it keeps. */
function openSaying(t: TestContext, say: () => string): Promise<Stage> {
  const upstream = createServer((socket: Socket) => {
    socket.on("error", () => undefined);
    socket.on("data", () => void socket.write(`HTTP/1.1 200 OK\r\n${say()}`, "latin1"));
  });
  return openStage(t, { upstream });
}
