import { deepEqual, equal } from "node:assert/strict";
import { describe, it } from "node:test";
import { fetchFrom, openStage } from "../../test/support/proxy-stage.ts";
import type { Named, NameDoor } from "./entrance.ts";

/** Answers `/_mine` and tells what it was asked. */
function nameDoor(): NameDoor & { readonly asked: Named[] } {
  const asked: Named[] = [];
  return {
    asked,
    answers: (path) => path === "/_mine",
    serve(_req, res, named) {
      asked.push(named);
      res.end("ours");
    },
  };
}

describe("a route from another proxy's labels", () => {
  for (const [served, status] of [
    [false, 404],
    [true, 200],
  ] as const) {
    it(`is ${status} at our own proxy ${served ? "with" : "without"} proxy: true, its page and everything`, async (t) => {
      const { port, asked } = await openStage(t, {
        upstream: (_req, res) => void res.end("app"),
        reserved: (_req, res) => void res.end("page"),
        spec: { served },
      });
      for (const path of ["/", "/.nodoff/ping", "/.nodoff/health?route=app"])
        equal((await fetchFrom(port, { path })).status, status, path);
      equal(asked.length, served ? 1 : 0);
    });
  }
});

describe("addresses of other gateways at our own proxy", () => {
  it("are answered without the gate, at hosts of routes and at all others", async (t) => {
    const names = nameDoor();
    const { port, asked } = await openStage(t, { upstream: (_req, res) => void res.end("app"), names });
    equal((await fetchFrom(port, { path: "/_mine?a=1" })).body.toString(), "ours");
    equal((await fetchFrom(port, { path: "/_mine", headers: { host: "no.test" } })).body.toString(), "ours");
    equal((await fetchFrom(port, { path: "/_other" })).body.toString(), "app");
    equal(asked.length, 1);
    deepEqual(
      names.asked.map(({ host, path, query, client, route }) => [host, path, query, client, route?.spec.alias]),
      [
        ["app.test", "/_mine", "?a=1", "127.0.0.1", "app"],
        ["no.test", "/_mine", "", "127.0.0.1", undefined],
      ],
    );
  });

  it("are the app's where a route has this very path", async (t) => {
    const names = nameDoor();
    const { port } = await openStage(t, {
      upstream: (_req, res) => void res.end("app"),
      spec: { path: "/_mine" },
      names,
    });
    equal((await fetchFrom(port, { path: "/_mine" })).body.toString(), "app");
    deepEqual(names.asked, []);
  });
});
