import assert from "node:assert/strict";
import { once } from "node:events";
import { describe, it } from "node:test";
import { startSilent } from "../../test/support/killable.ts";
import { fetchFrom, openStage } from "../../test/support/proxy-stage.ts";
import { openTcp } from "../../test/support/stream-stage.ts";
import { askUpgrade, dial, readToEnd } from "../../test/support/upgrade-stage.ts";

// In real time: five seconds each, all at once.
describe("an upstream that neither takes a connection nor refuses it", { concurrency: true }, () => {
  for (const scheme of ["http", "h2c"] as const)
    it(`by ${scheme}: 504 to programs and browsers, a look at the workload, no second try`, async (t) => {
      const silent = await startSilent(t);
      let dials = 0;
      const { port, route, lines } = await openStage(t, {
        upstream: null,
        origin() {
          dials++;
          return `${scheme}://127.0.0.1:${silent}`;
        },
      });
      const [program, person] = await Promise.all([
        fetchFrom(port, { method: "POST" }, "body"),
        fetchFrom(port, { headers: { accept: "text/html" } }),
      ]);
      const problem = JSON.parse(program.body.toString()) as Record<string, unknown>;
      assert.deepEqual([program.status, problem["code"]], [504, "UPSTREAM_TIMEOUT"]);
      assert.equal(person.status, 504);
      assert.match(person.body.toString(), /<h1>The service did not answer in time</);
      assert.doesNotMatch(program.body.toString() + person.body.toString(), /127\.0\.0\.1|UND_ERR/);
      assert.deepEqual([dials, route.rechecks], [2, 2]);
      assert.equal(lines.filter(({ message }) => message === "upstream failed").length, 2);
      await route.idle();
    });

  it("an upgrade: 504, and the connection ends", async (t) => {
    const silent = await startSilent(t);
    const { port, route } = await openStage(t, { upstream: null, origin: () => `http://127.0.0.1:${silent}` });
    const socket = dial(t, port);
    socket.write(askUpgrade());
    assert.match(await readToEnd(socket), /^HTTP\/1\.1 504 [^]*UPSTREAM_TIMEOUT/);
    await route.idle();
  });

  it("a TCP route: the connection is cut, and noted", async (t) => {
    const silent = await startSilent(t);
    const { port, route, lines } = await openTcp(t, { origin: () => `tcp://127.0.0.1:${silent}` });
    const socket = dial(t, port);
    socket.write("hello");
    const closed = once(socket.resume(), "close");
    await once(socket, "end");
    socket.destroy();
    await closed;
    assert.deepEqual([lines.length, lines[0]?.context?.["code"], route.rechecks], [1, "UPSTREAM_TIMEOUT", 1]);
    await route.idle();
  });
});
