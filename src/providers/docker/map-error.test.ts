import assert from "node:assert/strict";
import { statSync } from "node:fs";
import { describe, it } from "node:test";
import { toProviderError } from "./map-error.ts";

const endpoint = {
  kind: "unix",
  socketPath: "/no/such/folder/engine.sock",
  shown: "/no/such/folder/engine.sock",
} as const;
const never = new AbortController().signal;
const failed = { call: "POST /containers/{id}/start", endpoint, signal: never };

/** As dockerode throws it. */
const engineError = (statusCode: number, message: string): Error =>
  Object.assign(new Error(`(HTTP code ${statusCode})`), { statusCode, reason: "no such container", json: { message } });

describe("engine errors", () => {
  // The engines' own words, as Docker 20.10, Docker 28 and Podman write them.
  for (const [status, text, code, message] of [
    [404, "No such container: app", "GONE", /No such container/],
    [404, "network 5f1c not found", "NETWORK_MISSING", /network 5f1c/],
    [404, "failed to set up container networking: network blog_default not found", "NETWORK_MISSING", /blog_default/],
    [
      500,
      "driver failed programming external connectivity on endpoint app (e80c): Bind for 127.0.0.1:43999 failed: port is already allocated",
      "PORT_CONFLICT",
      /^host port 43999 is taken/,
    ],
    [
      500,
      "driver failed programming external connectivity: Error starting userland proxy: listen tcp4 127.0.0.1:43787: bind: address already in use",
      "PORT_CONFLICT",
      /^host port 43787 is taken/,
    ],
    [500, "failed to bind host port for 0.0.0.0:8080/tcp: address already in use", "PORT_CONFLICT", /in use/],
    [
      400,
      'failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: exec: "/nope": stat /nope: no such file or directory: unknown',
      "BAD_COMMAND",
      /\/nope/,
    ],
    [500, "crun: executable file `nope` not found in $PATH: No such file or directory", "BAD_COMMAND", /nope/],
    [
      500,
      'OCI runtime create failed: error mounting "/data" to rootfs at "/data": no such file or directory',
      "ENGINE_ERROR",
      /mounting/,
    ],
    [400, "Invalid signal: BOGUS", "ENGINE_ERROR", /BOGUS/],
    [409, "cannot start a paused container, try unpause instead", "ENGINE_ERROR", /unpause/],
    [503, "<html>503 Service Unavailable</html>", "PROVIDER_UNAVAILABLE", /503/],
  ] as const) {
    it(`${status} ${text.slice(0, 60)} is ${code}`, async () => {
      const error = await toProviderError(engineError(status, text), failed);
      assert.equal(error.code, code);
      assert.match(error.message, message);
    });
  }

  it("finds the port where the address has a protocol behind it", async () => {
    const text = "failed to bind host port 0.0.0.0:8080/tcp: address already in use";
    assert.match((await toProviderError(engineError(500, text), failed)).message, /^host port 8080 is taken/);
  });

  it("finds the words where dockerode keeps them for streams", async () => {
    const thrown = (text: string) =>
      Object.assign(new Error(`(HTTP code 501) unexpected - ${text} `), { statusCode: 501, json: null });
    assert.equal((await toProviderError(thrown("cannot read that"), failed)).message, "cannot read that");
    assert.equal((await toProviderError(thrown("<html>"), failed)).message, "status 501");
  });

  it("names the call a socket proxy refuses, whatever its body", async () => {
    const html = Object.assign(new Error("(HTTP code 403)"), { statusCode: 403, json: Buffer.from("<h1>403</h1>") });
    const error = await toProviderError(html, failed);
    assert.equal(error.code, "PROVIDER_FORBIDDEN");
    assert.match(error.message, /POST \/containers\/\{id\}\/start/);
  });

  for (const code of ["ENOENT", "ECONNREFUSED", "ECONNRESET", "ENOTFOUND"]) {
    it(`${code} is PROVIDER_UNAVAILABLE`, async () => {
      const error = await toProviderError(Object.assign(new Error(code), { code }), failed);
      assert.equal(error.code, "PROVIDER_UNAVAILABLE");
      assert.match(error.message, new RegExp(code));
    });
  }

  it("is a timeout once the signal is over, whatever the library says", async () => {
    const error = await toProviderError(engineError(500, "x"), { ...failed, signal: AbortSignal.abort() });
    assert.equal(error.code, "PROVIDER_UNAVAILABLE");
    assert.match(error.message, /in time/);
  });

  it("advises nothing about a socket it cannot even see", async () => {
    const error = await toProviderError(Object.assign(new Error("x"), { code: "EACCES" }), failed);
    assert.equal(error.code, "PROVIDER_FORBIDDEN");
    assert.doesNotMatch(error.message, /group_add/);
  });

  it("writes the group_add line with the group of the socket", async () => {
    // Any file has a group; only its number matters.
    const socketPath = import.meta.filename;
    const error = await toProviderError(Object.assign(new Error("x"), { code: "EACCES" }), {
      ...failed,
      endpoint: { kind: "unix", socketPath, shown: socketPath },
    });
    assert.ok(error.message.includes(`group_add: ["${statSync(socketPath).gid}"]`), error.message);
  });
});
