import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { connect as connectTls } from "node:tls";
import { describe, it } from "node:test";
import { fakeClock } from "../../test/support/fake-clock.ts";
import { greeting, pingFrame, toHead } from "../../test/support/http2-frames.ts";
import { openStage } from "../../test/support/proxy-stage.ts";
import { ask, openPlainSession, openSecureStage } from "../../test/support/secure-stage.ts";

const headers = [":method", "GET", ":scheme", "http", ":authority", "app.test", ":path", "/"];

describe("an HTTP/2 connection", () => {
  for (const [what, bytes] of [
    ["only pings", pingFrame],
    ["begins a head and never ends it (slow loris)", toHead({ headers }, false)],
    ["says nothing more", Buffer.alloc(0)],
  ] as const)
    for (const how of ["in the clear", "over TLS"] as const)
      it(`without requests that ${what} is ended after 65 s and 2 s of grace, ${how}`, async (t) => {
        const clock = fakeClock();
        const open = how === "in the clear" ? openStage : openSecureStage;
        const { port, asked } = await open(t, { upstream: null, clock });
        const host = "127.0.0.1";
        const socket =
          how === "in the clear"
            ? connect(port, host)
            : connectTls({ port, host, ALPNProtocols: ["h2"], rejectUnauthorized: false });
        t.after(() => void socket.destroy());
        let isClosed = false;
        socket.on("error", () => undefined).on("close", () => (isClosed = true));
        socket.write(Buffer.concat([greeting, bytes]));
        // Its settings: the session is there.
        await once(socket, "data");
        clock.advance(60_000);
        socket.write(what === "only pings" ? pingFrame : Buffer.alloc(0));
        await new Promise((resolve) => void setImmediate(resolve));
        assert.equal(isClosed, false);
        clock.advance(5_000);
        clock.advance(2_000);
        if (!isClosed) await once(socket.resume(), "close");
        assert.equal(asked.length, 0);
      });

  for (const how of ["in the clear", "over TLS"] as const)
    it(`ends with its client, though that only ends its side within a request, ${how}`, async (t) => {
      const reached = Promise.withResolvers<void>();
      const left = Promise.withResolvers<void>();
      const open = how === "in the clear" ? openStage : openSecureStage;
      const { port, route } = await open(t, {
        upstream(req) {
          reached.resolve();
          req.once("close", () => left.resolve());
        },
      });
      const host = "127.0.0.1";
      const socket =
        how === "in the clear"
          ? connect({ port, host, allowHalfOpen: true })
          : connectTls({ port, host, ALPNProtocols: ["h2"], rejectUnauthorized: false });
      t.after(() => void socket.destroy());
      const closed = once(socket.on("error", () => undefined).resume(), "end");
      socket.write(Buffer.concat([greeting, toHead({ headers })]));
      await reached.promise;
      assert.equal(route.inFlight, 1);
      socket.end();
      await Promise.all([closed, left.promise, route.idle()]);
    });

  it("without requests is counted from its last one; an open stream may be silent for hours", async (t) => {
    const clock = fakeClock();
    const reached = Promise.withResolvers<() => void>();
    const stage = await openStage(t, {
      upstream: (_req, res) => reached.resolve(() => void res.end("late")),
      clock,
    });
    const session = await openPlainSession(t, stage.port);
    const late = ask(session);
    const end = await reached.promise;
    clock.advance(3_600_000);
    end();
    assert.equal((await late).body.toString(), "late");
    clock.advance(64_000);
    assert.equal(session.closed, false);
    const closed = once(session, "close");
    clock.advance(65_000);
    await closed;
  });
});
