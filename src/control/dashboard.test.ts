import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, it } from "node:test";
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { dashboardPlaces } from "../cli/assets.ts";
import { assertProblem, startControl } from "../../test/support/control.ts";
import { readDashboard } from "./dashboard-files.ts";

const { version, assets } = readDashboard(dashboardPlaces());
const at = (name: string): string => `/assets/${version}/${name}`;

describe("the dashboard's page", () => {
  it("is for those who signed in; others are led to the login", async (t) => {
    const { ask } = await startControl(t);
    const stranger = await ask("/", { bearer: null });
    assert.deepEqual([stranger.status, stranger.headers.location], [303, "./login"]);
    assert.doesNotMatch(stranger.body, /assets/);
    const reply = await ask("/");
    assert.equal(reply.status, 200);
    assert.match(String(reply.headers["content-type"]), /^text\/html/);
  });

  it("names only addresses that are relative, and each of them is there", async (t) => {
    const { ask } = await startControl(t);
    const { body } = await ask("/");
    assert.doesNotMatch(body, /\{\{/);
    const addresses = [...body.matchAll(/(?:href|src)="([^"]*)"/g)].map(([, address = ""]) => address);
    assert.ok(addresses.length > 10);
    for (const address of addresses) {
      assert.match(address, /^assets\//);
      assert.equal((await ask(`/${address}`)).status, 200, address);
    }
    const imports = importsOf(body);
    assert.equal((await ask(new URL(imports["lit-html"] ?? "", "http://x/").pathname)).status, 200);
  });

  it("preloads every module but those that say they are none", async (t) => {
    const { ask } = await startControl(t);
    const { body } = await ask("/");
    const modules = [...assets.keys()].filter((name) => name.endsWith(".js") && name !== "theme.js");
    for (const name of modules) assert.ok(body.includes(`<link rel="modulepreload" href="assets/${version}/${name}">`));
  });

  it("runs no inline code but its import map, and loads nothing from elsewhere", async (t) => {
    const { ask } = await startControl(t);
    const { body, headers } = await ask("/");
    const policy = String(headers["content-security-policy"]);
    const inline = [...body.matchAll(/<script(?![^>]*\bsrc=)[^>]*>([^<]*)<\/script>/g)].map(([, text = ""]) => text);
    assert.equal(inline.length, 1);
    const hash = createHash("sha256")
      .update(inline[0] ?? "")
      .digest("base64");
    assert.ok(policy.includes(`script-src 'self' 'sha256-${hash}';`), policy);
    assert.match(policy, /default-src 'none'.*frame-ancestors 'none'/);
    assert.doesNotMatch(policy, /unsafe|\*|https?:/);
    assert.doesNotMatch(body, / style=| on\w+=|<style/);
  });

  it("is not sent again while it is the same", async (t) => {
    const { ask } = await startControl(t);
    const { headers } = await ask("/");
    assert.match(String(headers["cache-control"]), /no-cache/);
    const again = await ask("/", { headers: { "if-none-match": String(headers.etag) } });
    assert.deepEqual([again.status, again.body], [304, ""]);
  });

  it("tells its base path, and works with and without it", async (t) => {
    const { ask } = await startControl(t, { basePath: "/nodoff" });
    for (const path of ["/", "/nodoff/"]) {
      const { body, status } = await ask(path);
      assert.equal(status, 200, path);
      assert.match(body, /<base href="\/nodoff\/">/);
      assert.ok(importsOf(body)["lit-html"]?.startsWith("/nodoff/assets/"));
      assert.equal((await ask(path, { bearer: null })).headers.location, "/nodoff/login");
    }
    assert.equal((await ask(`/nodoff${at("main.js")}`)).status, 200);
    assert.equal((await ask(at("main.js"))).status, 200);
  });
});

describe("the dashboard's files", () => {
  it("are kept for a year, since another content has another address", async (t) => {
    const { ask } = await startControl(t);
    const reply = await ask(at("main.js"));
    assert.match(String(reply.headers["cache-control"]), /private, max-age=31536000, immutable/);
    assert.match(String(reply.headers["content-type"]), /^text\/javascript/);
    assert.match(reply.body, /from "lit-html"/);
    assertProblem(await ask("/assets/0123456789abcdef/main.js"), 404, "NOT_FOUND");
  });

  it("are only what is meant to be served", async (t) => {
    const { ask } = await startControl(t);
    for (const name of [
      "index.html",
      "types.ts",
      "tsconfig.json",
      "..%2f..%2fpackage.json",
      "lit-html/package.json",
      "",
    ])
      assertProblem(await ask(at(name)), 404, "NOT_FOUND");
    assertProblem(await ask(at("main.js"), { bearer: null }), 401, "UNAUTHORIZED");
    assertProblem(await ask(at("main.js"), { method: "POST" }), 405, "METHOD_NOT_ALLOWED");
  });

  it("go compressed to whoever takes that", async () => {
    const asset = assets.get("main.js");
    const plain = (await asset!.body("identity")).toString();
    assert.equal(brotliDecompressSync(await asset!.body("br")).toString(), plain);
    assert.equal(gunzipSync(await asset!.body("gzip")).toString(), plain);
    assert.equal(await asset!.body("br"), await asset!.body("br"));
  });

  it("are small: all of them together below 60 kB", async () => {
    const bodies = await Promise.all(Array.from(assets.values(), (asset) => asset.body("br")));
    const total = bodies.reduce((sum, body) => sum + body.length, 0);
    assert.ok(total < 60_000, `${total} bytes`);
  });
});

function importsOf(html: string): Readonly<Record<string, string>> {
  const [, map = "{}"] = /<script type="importmap">([^<]*)</.exec(html) ?? [];
  return (JSON.parse(map) as { imports: Record<string, string> }).imports;
}
