import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { toEndpoint } from "./endpoint.ts";
import type { DockerTls, EndpointOptions } from "./endpoint.ts";

const from = (options: Partial<EndpointOptions>) => toEndpoint({ url: null, tls: null, env: {}, ...options });
const tls: DockerTls = { ca: "ca", cert: null, key: null };

describe("engine endpoint", () => {
  it("is the default socket without anything, and with an empty DOCKER_HOST", () => {
    const socket = { kind: "unix", socketPath: "/var/run/docker.sock", shown: "/var/run/docker.sock" };
    assert.deepEqual(from({}), socket);
    assert.deepEqual(from({ env: { DOCKER_HOST: "" } }), socket);
  });

  it("is DOCKER_HOST only where the configuration says nothing", () => {
    const env = { DOCKER_HOST: "tcp://other:2375" };
    assert.equal(from({ env }).shown, "tcp://other:2375");
    assert.equal(from({ env, url: "unix:///run/mine.sock" }).shown, "/run/mine.sock");
  });

  for (const [url, protocol, host, port] of [
    ["tcp://engine", "http", "engine", 2375],
    ["tcp://engine:2376", "https", "engine", 2376],
    ["http://engine:8080", "http", "engine", 8080],
    ["http://engine", "http", "engine", 80],
    ["https://engine", "https", "engine", 443],
    ["tcp://[::1]:2375", "http", "[::1]", 2375],
  ] as const) {
    it(`reads ${url}`, () => {
      const endpoint = from({ url });
      assert.ok(endpoint.kind === "tcp");
      assert.deepEqual(
        [endpoint.protocol, endpoint.host, endpoint.port, endpoint.verify],
        [protocol, host, port, true],
      );
    });
  }

  it("takes DOCKER_HOST without a scheme for TCP", () => {
    assert.equal(from({ env: { DOCKER_HOST: "engine:2375" } }).shown, "tcp://engine:2375");
  });

  it("uses TLS for tcp:// as soon as there are certificates", () => {
    const endpoint = from({ url: "tcp://engine", tls });
    assert.ok(endpoint.kind === "tcp");
    assert.deepEqual([endpoint.protocol, endpoint.port, endpoint.tls], ["https", 2376, tls]);
  });

  it("reads DOCKER_CERT_PATH with DOCKER_HOST alone, and verifies only with DOCKER_TLS_VERIFY", (t) => {
    const folder = mkdtempSync(join(tmpdir(), "ndtest-certs-"));
    t.after(() => rmSync(folder, { recursive: true }));
    for (const name of ["ca", "cert", "key"]) writeFileSync(join(folder, `${name}.pem`), name);
    const env = { DOCKER_HOST: "tcp://engine:2376", DOCKER_CERT_PATH: folder };
    const loose = from({ env });
    const strict = from({ env: { ...env, DOCKER_TLS_VERIFY: "1" } });
    const given = from({ env, url: "tcp://engine:2375" });
    assert.ok(loose.kind === "tcp" && strict.kind === "tcp" && given.kind === "tcp");
    assert.equal(loose.tls?.cert, "cert");
    assert.equal(loose.verify, false);
    assert.equal(strict.verify, true);
    assert.deepEqual([given.tls, given.verify, given.protocol], [null, true, "http"]);
  });

  for (const [url, why] of [
    ["ssh://host", /not available yet/],
    ["ftp://host", /not an engine address/],
    ["tcp://", /not an engine address/],
    ["unix://relative.sock", /absolute path/],
    ["http://host/docker", /no path/],
  ] as const) {
    it(`refuses ${url}`, () => {
      assert.throws(() => from({ url }), { code: "CONFIG_INVALID", message: why });
    });
  }

  it("names a certificate that cannot be read", () => {
    const env = { DOCKER_HOST: "tcp://engine:2376", DOCKER_CERT_PATH: "/no/such/folder" };
    assert.throws(() => from({ env }), { code: "CONFIG_INVALID", message: /ca\.pem/ });
  });
});
