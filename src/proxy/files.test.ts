import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { TestContext } from "node:test";
import type { FilesSpec, RouteSpec } from "../core/spec.ts";
import { fetchFrom, openStage, sendRaw } from "../../test/support/proxy-stage.ts";
import { askUpgrade } from "../../test/support/upgrade-stage.ts";

let folder = "";

async function openFiles(t: TestContext, more: Partial<FilesSpec> = {}, spec: Partial<RouteSpec> = {}) {
  const files = { root: join(folder, "www"), index: ["index.html"], spa: false, dotfiles: false, ...more };
  return openStage(t, { upstream: null, hasWorkload: false, spec: { kind: "files", workload: null, files, ...spec } });
}

describe("a route to files", () => {
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "nodoff-files-"));
    const put = (name: string, text: string): Promise<void> => writeFile(join(folder, name), text);
    await mkdir(join(folder, "www/sub"), { recursive: true });
    await mkdir(join(folder, "www/empty"));
    await mkdir(join(folder, "www/.git"));
    await mkdir(join(folder, "www-secret"));
    await put("secret.txt", "secret");
    await put("www-secret/secret.txt", "secret");
    await put("www/index.html", "<h1>home</h1>");
    await put("www/sub/index.html", "<h1>sub</h1>");
    await put("www/data.txt", "0123456789");
    await put("www/a b#%?.txt", "odd name");
    await put("www/.env", "secret");
    await put("www/.git/config", "secret");
    await symlink("../secret.txt", join(folder, "www/link.txt"));
    await symlink("..", join(folder, "www/up"));
    await symlink(".env", join(folder, "www/env.txt"));
    await symlink("data.txt", join(folder, "www/inside.txt"));
  });

  after(() => rm(folder, { recursive: true, force: true }));

  it("serves them with type, length, ETag and date; HEAD without the body", async (t) => {
    const { port, route } = await openFiles(t);
    const got = await fetchFrom(port, { path: "/data.txt" });
    assert.deepEqual([got.status, got.body.toString()], [200, "0123456789"]);
    assert.match(got.headers["content-type"] ?? "", /^text\/plain/);
    assert.equal(got.headers["content-length"], "10");
    assert.ok(got.headers.etag !== undefined && got.headers["last-modified"] !== undefined);
    const head = await fetchFrom(port, { path: "/data.txt", method: "HEAD" });
    assert.deepEqual([head.status, head.headers["content-length"], head.body.length], [200, "10", 0]);
    await route.idle();
    assert.equal(route.peak, 1);
  });

  it("answers ranges and conditions", async (t) => {
    const { port } = await openFiles(t);
    const ask = (headers: Record<string, string>) => fetchFrom(port, { path: "/data.txt", headers });
    const part = await ask({ range: "bytes=2-4" });
    assert.deepEqual([part.status, part.headers["content-range"], part.body.toString()], [206, "bytes 2-4/10", "234"]);
    const beyond = await ask({ range: "bytes=50-" });
    assert.deepEqual([beyond.status, beyond.headers["content-range"]], [416, "bytes */10"]);
    const { etag = "" } = part.headers;
    assert.equal((await ask({ "if-none-match": etag })).status, 304);
    assert.equal((await ask({ "if-match": '"other"' })).status, 412);
    assert.equal((await ask({ range: "bytes=2-4", "if-range": '"other"' })).body.toString(), "0123456789");
  });

  it("shows a directory's index, with its slash", async (t) => {
    const { port } = await openFiles(t);
    assert.equal((await fetchFrom(port)).body.toString(), "<h1>home</h1>");
    assert.equal((await fetchFrom(port, { path: "/sub/" })).body.toString(), "<h1>sub</h1>");
    const bare = await fetchFrom(port, { path: "/sub?a=b" });
    assert.deepEqual([bare.status, bare.headers.location], [308, "/sub/?a=b"]);
    assert.equal((await fetchFrom(port, { path: "/empty/" })).status, 404);
    assert.equal((await fetchFrom(port, { path: "/data.txt/" })).status, 404);
  });

  it("never redirects to another host", async (t) => {
    const { port } = await openFiles(t);
    const { status, headers } = await fetchFrom(port, { path: "//sub" });
    assert.deepEqual([status, headers.location], [308, "/sub/"]);
  });

  it("finds names as they are, below its prefix too", async (t) => {
    const { port } = await openFiles(t, {}, { path: "/static", stripPath: true });
    const got = await fetchFrom(port, { path: `/static/${encodeURIComponent("a b#%?.txt")}` });
    assert.equal(got.body.toString(), "odd name");
    assert.equal((await fetchFrom(port, { path: "/static/inside.txt" })).body.toString(), "0123456789");
    const bare = await fetchFrom(port, { path: "/static/sub" });
    assert.equal(bare.headers.location, "/static/sub/");
  });

  for (const [what, path] of [
    ["dots", "/../secret.txt"],
    ["dots within", "/sub/../../secret.txt"],
    ["encoded dots", "/%2e%2e/secret.txt"],
    ["encoded slashes", "/..%2fsecret.txt"],
    ["dots encoded twice", "/%252e%252e%252fsecret.txt"],
    ["backslashes", "/..\\secret.txt"],
    ["a name that begins like the root's", "/../www-secret/secret.txt"],
    ["a link to a file outside", "/link.txt"],
    ["a link to a directory outside", "/up/secret.txt"],
    ["an absolute path", "//etc/passwd"],
    ["a dotfile", "/.env"],
    ["an encoded dotfile", "/%2eenv"],
    ["a directory with a dot", "/.git/config"],
    ["a link to a dotfile", "/env.txt"],
    ["a zero byte", "/data.txt%00.html"],
    ["a broken encoding", "/%zz"],
  ] as const)
    it(`does not give away what is outside or hidden, by ${what}`, async (t) => {
      const { port } = await openFiles(t);
      const answer = await sendRaw(port, `GET ${path} HTTP/1.1\r\nHost: app.test\r\nConnection: close\r\n\r\n`);
      assert.match(answer, /^HTTP\/1\.1 40[04] /);
      assert.doesNotMatch(answer, /secret|root:/);
    });

  it("gives dotfiles where that is wanted, and still nothing outside", async (t) => {
    const { port } = await openFiles(t, { dotfiles: true });
    assert.equal((await fetchFrom(port, { path: "/.env" })).status, 200);
    assert.equal((await fetchFrom(port, { path: "/link.txt" })).status, 404);
  });

  it("gives the index for unknown pages where it is one app, but not for unknown assets", async (t) => {
    const { port } = await openFiles(t, { spa: true });
    const page = await fetchFrom(port, { path: "/users/7", headers: { accept: "text/html,*/*" } });
    assert.deepEqual([page.status, page.body.toString()], [200, "<h1>home</h1>"]);
    assert.equal((await fetchFrom(port, { path: "/missing.js", headers: { accept: "*/*" } })).status, 404);
  });

  it("takes GET and HEAD alone, and no upgrade", async (t) => {
    const { port, route } = await openFiles(t);
    const post = await fetchFrom(port, { path: "/data.txt", method: "POST" }, "x".repeat(100_000));
    assert.deepEqual([post.status, post.headers.allow], [405, "GET, HEAD"]);
    assert.match(await sendRaw(port, askUpgrade("/data.txt")), /^HTTP\/1\.1 400 /);
    await route.idle();
  });

  it("answers 404 where the root is missing", async (t) => {
    const { port } = await openFiles(t, { root: join(folder, "nowhere") });
    assert.equal((await fetchFrom(port)).status, 404);
  });
});
