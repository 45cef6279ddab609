import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { fetchFrom, openStage } from "../../test/support/proxy-stage.ts";
import { askUpgrade, dial, readToEnd } from "../../test/support/upgrade-stage.ts";
import type { Answer, DoorOptions } from "../core/gate.ts";

const page: Answer = { kind: "reply", decision: "page", status: 503, headers: { "retry-after": "1" }, body: "page" };
const foreign = { served: false } as const;

describe("the fallback port", () => {
  it("wakes what only the other proxy serves, and lets it learn of the start", async (t) => {
    const asked: DoorOptions["via"][] = [];
    const { port } = await openStage(t, {
      upstream: (_req, res) => void res.end("app"),
      trusted: true,
      fallback: page,
      spec: foreign,
      admit(_facts, { via }) {
        asked.push(via);
        return { ...page, status: 307, headers: { location: "http://app.test/x" }, body: "" };
      },
    });
    assert.equal((await fetchFrom(port)).status, 307);
    assert.deepEqual(asked, ["docker"]);
  });

  it("passes nothing on to what is awake, nor asks for the same request again", async (t) => {
    const { port } = await openStage(t, {
      upstream: (_req, res) => void res.end("past the app's own login"),
      trusted: true,
      fallback: page,
      spec: foreign,
    });
    const answer = await fetchFrom(port);
    assert.deepEqual([answer.status, String(answer.body)], [503, "page"]);
    const socket = dial(t, port);
    socket.write(askUpgrade());
    assert.match(await readToEnd(socket), /^HTTP\/1\.1 503 /);
  });

  it("passes requests on where the route says fallback: proxy", async (t) => {
    const asked: DoorOptions["via"][] = [];
    const { port } = await openStage(t, {
      upstream: (_req, res) => void res.end("app"),
      trusted: true,
      fallback: page,
      spec: { ...foreign, fallback: "proxy" },
      admit(_facts, { via }) {
        asked.push(via);
        return { kind: "allow", decision: "allow" };
      },
    });
    const answer = await fetchFrom(port);
    assert.deepEqual([answer.status, String(answer.body), asked], [200, "app", ["url"]]);
  });

  it("is for trusted peers, WebSockets included", async (t) => {
    const { port } = await openStage(t, { upstream: null, fallback: page, spec: foreign });
    assert.equal((await fetchFrom(port)).status, 403);
    const socket = dial(t, port);
    socket.write(askUpgrade());
    assert.match(await readToEnd(socket), /^HTTP\/1\.1 403 /);
  });

  it("answers 404 for a host nobody has", async (t) => {
    const { port } = await openStage(t, { upstream: null, trusted: true, fallback: page });
    assert.equal((await fetchFrom(port, { headers: { Host: "other.test" } })).status, 404);
  });
});
