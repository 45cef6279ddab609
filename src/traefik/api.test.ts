import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, it, type TestContext } from "node:test";
import { untilSeenByTraefik } from "./api.ts";

/** An API that shows each service as the next of `answers` says; the last one stays. */
async function openApi(t: TestContext, answers: readonly (object | number)[]) {
  const asked: string[] = [];
  const server = createServer((req, res) => {
    const answer = answers[Math.min(asked.length, answers.length - 1)] ?? 500;
    asked.push(req.url ?? "");
    if (typeof answer === "number") return void res.writeHead(answer).end();
    res.end(JSON.stringify(answer));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  return { asked, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

const up = { serverStatus: { "http://172.17.0.2:80": "UP" } };
const started = { name: "my_app", labels: {}, origin: "http://172.17.0.2:80" };

describe("Traefik's word that it knows of a start", () => {
  it("is its service with the server of now, up, twice in a row", async (t) => {
    const { url, asked } = await openApi(t, [
      404,
      { serverStatus: { "http://172.17.0.9:80": "UP" } },
      { serverStatus: { "http://172.17.0.2:80": "DOWN" } },
      {},
      up,
    ]);
    assert.equal(await untilSeenByTraefik(url, started, new AbortController().signal), "seen");
    assert.deepEqual(asked, Array(6).fill("/api/http/services/my-app%40docker"));
  });

  it("is wanted of every service its labels name", async (t) => {
    const { url, asked } = await openApi(t, [up, 404, up]);
    const labels = {
      "traefik.http.services.a.loadbalancer.server.port": "80",
      "traefik.http.services.b.loadbalancer.server.port": "81",
    };
    await untilSeenByTraefik(url, { ...started, labels }, new AbortController().signal);
    assert.deepEqual(
      asked,
      ["a", "b", "a", "b", "a", "b"].map((name) => `/api/http/services/${name}%40docker`),
    );
  });

  it("is not known where the API is not there, or answers something else", async (t) => {
    const { signal } = new AbortController();
    assert.equal(await untilSeenByTraefik("http://127.0.0.1:1", started, signal), "unknown");
    for (const answer of [500, 401, { serverStatus: 5 }]) {
      const { url } = await openApi(t, [answer]);
      assert.equal(await untilSeenByTraefik(url, started, signal), "unknown");
    }
  });

  it("is not taken for given when nobody asks any more", async (t) => {
    const { url } = await openApi(t, [404]);
    const over = new AbortController();
    const seen = untilSeenByTraefik(url, started, over.signal);
    over.abort();
    assert.equal(await seen, "unknown");
  });
});
