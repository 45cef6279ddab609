import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { after, before, describe, it } from "node:test";
import { freePort } from "../../support/e2e/child.ts";
import { type Nodoff, startNodoff } from "../../support/e2e/nodoff.ts";
import type { RecordedCall, Recording } from "../../support/e2e/recording.ts";

const recordings = ["kit", "bare"].map((name) => {
  const text = readFileSync(new URL(`../../fixtures/traefik/${name}.json`, import.meta.url), "utf8");
  return JSON.parse(text) as Recording;
});

/** What nobody wants the service for: recorded first, so that it meets a service nothing has woken yet. */
const uninvited = new Set(["HEAD without Sec-Fetch", "monitor", "prefetch"]);
const pages = new Set(["navigation GET", "navigation GET over plain http", "navigation HEAD"]);

interface HookReply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Sends the very bytes and reads one answer; Traefik keeps the connection, so its end is in Content-Length. */
function replay(port: number, bytes: string): Promise<HookReply> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1", () => socket.write(bytes, "latin1"));
    let text = "";
    socket.setEncoding("latin1");
    socket.on("error", reject);
    socket.on("close", () => reject(new Error(`closed after ${JSON.stringify(text)}`)));
    socket.on("data", (chunk: string) => {
      text += chunk;
      const reply = toReply(text);
      if (reply === undefined) return;
      resolve(reply);
      socket.destroy();
    });
  });
}

function toReply(text: string): HookReply | undefined {
  const end = text.indexOf("\r\n\r\n");
  if (end === -1) return undefined;
  const [start = "", ...lines] = text.slice(0, end).split("\r\n");
  const headers = Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf(":")).toLowerCase(), line.slice(line.indexOf(":") + 1).trim()]),
  );
  const length = headers["content-length"];
  assert.ok(length !== undefined, `the hook says how long its answer is: ${start}`);
  const body = text.slice(end + 4);
  return body.length < Number(length) ? undefined : { status: Number(start.split(" ")[1]), headers, body };
}

/** Runs as long as its parent does and never listens: what it wakes stays in `starting`. */
const never = "const parent = process.ppid; setInterval(() => process.ppid === parent || process.exit(), 50)";

for (const { middleware, calls } of recordings) {
  describe(`what Traefik sends the hook: ${middleware}`, () => {
    it("is allowed as the route of the real host where that never sleeps", async (t) => {
      const nodoff = await startNodoff({
        routes: {
          blog: { host: "blog.example.com", upstream: "http://127.0.0.1:9" },
          victim: { host: "victim.example.com", upstream: "http://127.0.0.1:9" },
        },
      });
      t.after(() => nodoff.close());
      for (const { name, hook } of calls) {
        const reply = await replay(nodoff.port, hook);
        assert.deepEqual([reply.status, reply.headers["content-length"], reply.body], [200, "0", ""], name);
        assert.equal(reply.headers["x-nodoff-route"], "blog", name);
        assert.ok(!("set-cookie" in reply.headers), name);
      }
    });

    describe("where the service sleeps", () => {
      let nodoff: Nodoff;
      before(async () => {
        const dead = await freePort();
        const sleeper = (host: string): object => ({
          process: { command: [process.execPath, "-e", never] },
          host,
          upstream: `http://127.0.0.1:${dead}`,
          hold: "200ms",
          grace: "50ms",
        });
        nodoff = await startNodoff({
          providers: { here: { type: "process" } },
          workloads: { blog: sleeper("blog.example.com"), victim: sleeper("victim.example.com") },
        });
      });
      after(() => nodoff.close());

      for (const call of calls) it(`is answered: ${call.name}`, () => answered(nodoff, call));

      it("woke nothing but what the real host names", async () => {
        assert.equal(await nodoff.state("blog"), "starting");
        assert.equal(await nodoff.state("victim"), "napping");
        const victim = (await nodoff.api("/routes/victim")) as { readonly requests_total: number };
        assert.equal(victim.requests_total, 0);
      });
    });
  });
}

async function answered(nodoff: Nodoff, { name, hook }: RecordedCall): Promise<void> {
  const { status, headers, body } = await replay(nodoff.port, hook);
  assert.equal(status, 503);
  assert.equal(headers["cache-control"], "no-store");
  assert.ok(Number(headers["retry-after"]) >= 1);
  if (uninvited.has(name)) {
    assert.equal(headers["x-nodoff-state"], "napping");
    assert.equal(await nodoff.state("blog"), "napping");
    return;
  }
  assert.equal(headers["x-nodoff-state"], "starting");
  if (pages.has(name)) {
    assert.match(headers["content-type"] ?? "", /^text\/html/);
    assert.match(body, /<html/);
    return;
  }
  assert.equal(headers["content-type"], "application/problem+json");
  assert.equal((JSON.parse(body) as { readonly status: number }).status, 503);
}
