import Docker from "dockerode";
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { createSocket } from "node:dgram";
import { Resolver } from "node:dns/promises";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { connect } from "node:net";
import { after, before, describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { ensureAppImage } from "../support/e2e/app-image.ts";
import { freePort } from "../support/e2e/child.ts";
import { type Nodoff, startNodoff } from "../support/e2e/nodoff.ts";
import { expectNothingInFlight } from "../support/e2e/in-flight.ts";

const run = promisify(execFile);
const redisServer = "/usr/bin/redis-server";
const redisCli = "/usr/bin/redis-cli";
const dnsmasq = "/usr/sbin/dnsmasq";
const missing = [redisServer, redisCli, dnsmasq].find((path) => !existsSync(path));
const tcpPort = await freePort();
const udpPort = await freePort();
const idleMs = 2_000;

describe(
  "a real Redis and a real DNS server behind nodoff",
  {
    skip: missing === undefined ? false : `${missing} is not installed`,
  },
  () => {
    const docker = new Docker();
    const containers: Docker.Container[] = [];
    let nodoff: Nodoff;
    expectNothingInFlight(() => nodoff);

    before(async () => {
      const image = await ensureAppImage(docker, [redisServer, dnsmasq]);
      const create = async (command: readonly string[]): Promise<string> => {
        const name = `ndtest-e2e-${randomBytes(4).toString("hex")}`;
        const container = await docker.createContainer({
          name,
          Image: image,
          Cmd: [...command],
          Labels: { "nodoff-test.pid": String(process.pid) },
          HostConfig: { Binds: ["/etc/passwd:/etc/passwd:ro", "/etc/group:/etc/group:ro"] },
        });
        containers.push(container);
        return name;
      };
      const redis = await create([redisServer, "--protected-mode", "no", "--save", "", "--dir", "/"]);
      const names = ["--no-resolv", "--no-hosts", "--address=/app.test/10.9.8.7"];
      const dns = await create([
        dnsmasq,
        "--keep-in-foreground",
        "--user=root",
        "--conf-file=/dev/null",
        "--pid-file=/dns.pid",
        ...names,
      ]);
      nodoff = await startNodoff({
        providers: { local: { type: "docker", discover: false } },
        defaults: { idle_timeout: `${idleMs}ms`, wake_timeout: "30s" },
        workloads: { redis: { container: redis, port: 6379 }, dns: { container: dns, port: 53 } },
        routes: {
          cache: { tcp: { listen: `127.0.0.1:${tcpPort}`, min_bytes: 1 }, workload: "redis" },
          names: { udp: { listen: `127.0.0.1:${udpPort}`, session_timeout: "1s" }, workload: "dns" },
        },
      });
    });
    after(async () => {
      await nodoff?.close();
      for (const container of containers) await container.remove({ force: true });
    });

    const cli = async (...args: readonly string[]): Promise<string> =>
      (await run(redisCli, ["-h", "127.0.0.1", "-p", String(tcpPort), ...args], { timeout: 30_000 })).stdout.trim();

    it("wakes Redis by the first command, which is answered", async () => {
      await nodoff.inState("redis", "napping");
      const scanner = connect(tcpPort, "127.0.0.1");
      await once(scanner, "connect");
      await delay(300);
      assert.equal(await nodoff.state("redis"), "napping", "a scanner that sends nothing wakes nothing");
      scanner.destroy();
      assert.equal(await cli("SET", "greeting", "hello"), "OK");
      assert.equal(await cli("GET", "greeting"), "hello");
    });

    it("keeps Redis awake while a connection is open, and lets it sleep afterwards", async () => {
      const subscriber = spawn(redisCli, ["-h", "127.0.0.1", "-p", String(tcpPort), "SUBSCRIBE", "news"]);
      let heard = "";
      subscriber.stdout.on("data", (chunk: Buffer) => (heard += chunk.toString()));
      await once(subscriber.stdout, "data");
      await delay(3 * idleMs);
      assert.equal(await nodoff.state("redis"), "ready", "a silent subscriber is use");
      const arrived = once(subscriber.stdout, "data");
      assert.equal(await cli("PUBLISH", "news", "extra"), "1");
      await arrived;
      assert.match(heard, /extra/);
      subscriber.kill();
      await once(subscriber, "close");
      await nodoff.inState("redis", "napping");
    });

    it("wakes the DNS server by one datagram, sent once, and lets it sleep afterwards", async () => {
      await nodoff.inState("dns", "napping");
      const client = createSocket("udp4");
      client.send(query("app.test"), udpPort, "127.0.0.1");
      const [answer] = (await once(client, "message", { signal: AbortSignal.timeout(30_000) })) as [Buffer];
      client.close();
      assert.deepEqual([...answer.subarray(-4)], [10, 9, 8, 7]);
      const resolver = new Resolver();
      resolver.setServers([`127.0.0.1:${udpPort}`]);
      assert.deepEqual(await resolver.resolve4("app.test"), ["10.9.8.7"]);
      await nodoff.inState("dns", "napping");
    });
  },
);

/** A question for the IPv4 address of a name (RFC 1035 section 4). */
function query(name: string): Buffer {
  const labels = name.split(".").map((label) => Buffer.from(`${String.fromCharCode(label.length)}${label}`));
  const head = Buffer.from([0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
  return Buffer.concat([head, ...labels, Buffer.from([0, 0, 1, 0, 1])]);
}
