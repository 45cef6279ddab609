import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chmod, chown, mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { get } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { TestContext } from "node:test";
import type { Clock } from "../../../src/core/clock.ts";
import type { Provider } from "../../../src/core/provider.ts";
import { createDockerProvider } from "../../../src/providers/docker/index.ts";
import type { DockerProviderOptions } from "../../../src/providers/docker/index.ts";
import { toProviderError } from "../../../src/providers/docker/map-error.ts";
import { dockerMissing, dockerSocket, openDocker, stubborn } from "../../support/docker.ts";
import type { DockerFixture } from "../../support/docker.ts";
import { freePort } from "../../support/e2e/child.ts";
import { silentLogger } from "../../support/logger.ts";
import { recordWatch } from "../../support/observer.ts";
import { realClock } from "../../support/real-clock.ts";
import { createRelay, eventually } from "../../support/relay.ts";
import type { Relay } from "../../support/relay.ts";

const io = { signal: AbortSignal.timeout(110_000) };
const stopOptions = { ...io, stopSignal: null, timeoutMs: 5_000 };

/**
 * The real clock, but whoever waits for 5 s or more waits far less, in the same order: 5 s become 2.75, the watchdog's
 * minute 5.5.
 */
const hasty: Clock = { ...realClock, after: (ms, run) => realClock.after(ms >= 5_000 ? 2_500 + ms / 20 : ms, run) };

describe("docker engine", { skip: await dockerMissing() }, () => {
  let fixture: DockerFixture;
  let folder: string;
  before(async () => {
    fixture = await openDocker("docker");
    folder = await mkdtemp(join(tmpdir(), "ndtest-docker-"));
  });
  after(async () => {
    await fixture.close();
    await rm(folder, { recursive: true, force: true });
  });

  const open = (t: TestContext, options: Partial<DockerProviderOptions> = {}): Provider => {
    const provider = createDockerProvider({
      name: "local",
      url: `unix://${dockerSocket}`,
      tls: null,
      network: null,
      self: { hostname: "host", mountinfo: "" },
      env: {},
      clock: realClock,
      logger: silentLogger,
      ...options,
    });
    t.after(() => provider.close());
    return provider;
  };
  const relay = async (t: TestContext, kind: "unix" | "tcp" = "unix"): Promise<Relay> => {
    const listen = kind === "tcp" ? null : join(folder, `${randomBytes(4).toString("hex")}.sock`);
    const made = await createRelay({ listen, target: dockerSocket });
    t.after(() => made.close());
    return made;
  };
  const kinds = (watch: ReturnType<typeof recordWatch>, ref: string): string[] =>
    watch.changes(ref).map((change) => (change.kind === "exited" ? `exited asked=${change.asked}` : change.kind));

  describe("output", () => {
    const ticking = [
      "sh",
      "-c",
      'trap "exit 0" TERM; n=0; while :; do n=$((n+1)); echo "tick $n"; sleep 0.1 & wait $!; done',
    ];

    for (const tty of [false, true]) {
      it(`is followed as it is written, until nobody listens${tty ? ", from a terminal too" : ""}`, async (t) => {
        const provider = open(t);
        const ref = await fixture.create(`tick-${tty}`, { cmd: ticking, more: { Tty: tty } });
        await provider.start(ref, io);
        await untilUp(provider, ref);
        const leaving = new AbortController();
        t.after(() => leaving.abort());
        const read: string[] = [];
        for await (const line of provider.follow?.(ref, { signal: leaving.signal, lines: 1 }) ?? []) {
          read.push(line);
          if (read.length === 4) leaving.abort();
        }
        const first = Number(read[0]?.split(" ")[1]);
        assert.deepEqual(
          read.slice(0, 4),
          [0, 1, 2, 3].map((more) => `tick ${first + more}`),
        );
      });
    }

    it("ends with the container, and goes on from a time when it runs again", async (t) => {
      const provider = open(t);
      const ref = await fixture.create("tick-twice", { cmd: ["sh", "-c", "echo one; sleep 0.3; echo two"] });
      const follow = async (since?: number): Promise<string[]> => {
        const read: string[] = [];
        const options = { ...io, lines: 100, ...(since !== undefined && { since }) };
        for await (const line of provider.follow?.(ref, options) ?? []) read.push(line);
        return read;
      };
      await provider.start(ref, io);
      assert.deepEqual(await follow(), ["one", "two"]);
      await fixture.container(ref).wait();
      const since = Date.now();
      await provider.start(ref, io);
      assert.deepEqual(await follow(since), ["one", "two"]);
      assert.deepEqual((await follow()).length, 4);
    });

    it("breaks off with the engine and with the provider, and is none of what is not there", async (t) => {
      const way = await relay(t, "tcp");
      const provider = open(t, { url: way.url });
      const ref = await fixture.create("tick-cut", { cmd: ticking });
      await provider.start(ref, io);
      const first = async (end: () => void): Promise<void> => {
        for await (const line of provider.follow?.(ref, { ...io, lines: 1 }) ?? []) if (line !== "") end();
      };
      await assert.rejects(
        first(() => way.cut()),
        { code: "PROVIDER_UNAVAILABLE" },
      );
      await first(() => void provider.close());
      const other = open(t);
      await assert.rejects(
        async () => {
          for await (const line of other.follow?.("ndtest-none", { ...io, lines: 1 }) ?? []) assert.fail(line);
        },
        { code: "GONE" },
      );
    });
  });

  describe("connection", () => {
    it("cut: it comes back without a word, and nothing is lost or told twice", async (t) => {
      const way = await relay(t, "tcp");
      const provider = open(t, { url: way.url });
      const watch = recordWatch(provider);
      await watch.listed();
      // A stream that just began counts as no connection.
      await new Promise((resolve) => setTimeout(resolve, 1_100));
      const ref = await fixture.create("cut");
      await provider.start(ref, io);
      await watch.change(ref, "started");
      await untilUp(provider, ref);
      const lists = watch.lists;
      way.cut();
      await fixture.container(ref).stop({ t: 5 });
      await watch.change(ref, "exited");
      await eventually("a list", () => watch.lists > lists);
      assert.deepEqual(kinds(watch, ref), ["started", "exited asked=true"]);
      assert.deepEqual(watch.links, [null]);
    });

    it("down for a while: what happened meanwhile is told in order, then the list", async (t) => {
      const way = await relay(t);
      const provider = open(t, { url: way.url });
      const watch = recordWatch(provider);
      await watch.listed();
      const crash = await fixture.create("crash", { cmd: ["sh", "-c", "sleep 0.5; exit 3"] });
      const hand = await fixture.create("hand");
      await fixture.container(hand).start();
      await watch.change(hand, "started");
      await untilUp(provider, hand);
      await way.down();
      await eventually("the loss", () => watch.links.at(-1)?.code === "PROVIDER_UNAVAILABLE");
      await fixture.container(hand).restart({ t: 5 });
      await fixture.container(crash).start();
      await fixture.container(crash).wait();
      const before = watch.told.length;
      await way.up();
      await watch.change(crash, "exited");
      assert.deepEqual(kinds(watch, crash), ["started", "exited asked=false"]);
      assert.deepEqual(kinds(watch, hand), ["started", "exited asked=true", "started"]);
      await eventually("the list", () => watch.told.slice(before).some(({ kind }) => kind === "listed"));
      // Other tests use the same engine: only these two containers count.
      const order = watch.told
        .slice(before)
        .filter((told) => told.kind !== "changed" || told.change.refs.some((ref) => ref === crash || ref === hand))
        .map(({ kind }) => kind);
      assert.deepEqual(order.slice(0, 6), ["link", "changed", "changed", "changed", "changed", "listed"]);
      assert.deepEqual(
        watch.links.map((failure) => failure?.code ?? null),
        [null, "PROVIDER_UNAVAILABLE", null],
      );
      const found = watch.looks.find(({ refs }) => refs[0] === crash);
      assert.deepEqual([found?.power, found?.exitCode], ["stopped", 3]);
    });

    it("absent at start: told, and found as soon as it appears", async (t) => {
      const way = await relay(t);
      await way.down();
      const provider = open(t, { url: way.url });
      const watch = recordWatch(provider);
      await eventually("the failure", () => watch.links.length > 0);
      assert.equal(watch.links[0]?.code, "PROVIDER_UNAVAILABLE");
      assert.match(watch.links[0]?.message ?? "", /ENOENT/);
      await assert.rejects(provider.list(io), { code: "PROVIDER_UNAVAILABLE" });
      await way.up();
      await watch.listed();
      assert.deepEqual(
        watch.links.map((failure) => failure?.code ?? null),
        ["PROVIDER_UNAVAILABLE", null],
      );
    });

    it("half-open stream: the list shows it, and what it kept silent about is told", async (t) => {
      const way = await relay(t);
      const provider = open(t, { url: way.url, clock: hasty });
      const watch = recordWatch(provider);
      await watch.listed();
      const ref = await fixture.create("silent");
      await eventually("it is known", () => watch.looks.some(({ refs }) => refs[0] === ref));
      way.freeze("open");
      await fixture.container(ref).start();
      await watch.change(ref, "started");
      await untilUp(provider, ref);
      assert.deepEqual(watch.links, [null], "the engine was there all the time");
      await fixture.container(ref).stop({ t: 5 });
      assert.equal((await watch.change(ref, "exited")).asked, true);
    });

    it("half-open engine: the link is lost by its silence alone", async (t) => {
      const way = await relay(t);
      const provider = open(t, { url: way.url, clock: hasty });
      const watch = recordWatch(provider);
      await watch.listed();
      way.freeze("all");
      await eventually("the loss", () => watch.links.at(-1)?.code === "PROVIDER_UNAVAILABLE", 30_000);
      assert.match(watch.links.at(-1)?.message ?? "", /in time/);
      way.thaw();
      await eventually("the return", () => watch.links.length === 3);
    });

    it("a socket without rights: the message has the very line to add", async (t) => {
      if (process.getuid?.() !== 0) return t.skip("needs root, to be somebody else");
      const open = await mkdtemp(join(tmpdir(), "ndtest-socket-"));
      const socket = join(open, "engine.sock");
      const server = createServer().listen(socket);
      t.after(() => new Promise((resolve) => server.close(resolve)));
      t.after(() => rm(open, { recursive: true, force: true }));
      await new Promise((resolve) => server.once("listening", resolve));
      await chmod(open, 0o755);
      await chmod(socket, 0o660);
      await chown(socket, 0, 4_242);
      const way = await connectAs(65_534, socket);
      assert.equal(way.code, "EACCES");
      const error = await toProviderError(Object.assign(new Error(way.code), { code: way.code }), {
        call: "GET /version",
        endpoint: { kind: "unix", socketPath: socket, shown: socket },
        signal: io.signal,
      });
      assert.equal(error.code, "PROVIDER_FORBIDDEN");
      assert.ok(error.message.includes('group_add: ["4242"]'), error.message);
    });
  });

  describe("power", () => {
    it("an own stop signal works where the API's stop has none (1.41)", async (t) => {
      const provider = open(t);
      const cmd = ["sh", "-c", 'trap "exit 7" USR1; trap "exit 8" TERM; echo up; while :; do sleep 30 & wait $!; done'];
      const ref = await fixture.create("usr1", { cmd });
      for (const paused of [false, true]) {
        await provider.start(ref, io);
        await untilUp(provider, ref);
        if (paused) await provider.pause(ref, io);
        await provider.stop(ref, { ...stopOptions, stopSignal: "SIGUSR1" });
        const look = await provider.inspect(ref, io);
        assert.deepEqual([look?.power, look?.exitCode], ["stopped", 7]);
      }
    });

    it("a stop signal that is ignored ends in a kill after the timeout", async (t) => {
      const provider = open(t);
      const ref = await fixture.create("ignoring", { cmd: stubborn });
      await provider.start(ref, io);
      await untilUp(provider, ref);
      await provider.stop(ref, { ...io, stopSignal: "SIGUSR2", timeoutMs: 300 });
      assert.equal((await provider.inspect(ref, io))?.power, "stopped");
    });

    it("a bogus signal is the engine's error", async (t) => {
      const provider = open(t);
      const ref = await fixture.create("bogus");
      await provider.start(ref, io);
      await assert.rejects(provider.stop(ref, { ...stopOptions, stopSignal: "BOGUS" }), { code: "ENGINE_ERROR" });
      assert.equal((await provider.inspect(ref, io))?.power, "running");
    });

    it("a host port taken by a process is PORT_CONFLICT with the port", async (t) => {
      const server = createServer().listen(0, "127.0.0.1");
      t.after(() => server.close());
      await new Promise((resolve) => server.once("listening", resolve));
      const port = String((server.address() as AddressInfo).port);
      const host = { PortBindings: { "80/tcp": [{ HostIp: "127.0.0.1", HostPort: port }] } };
      const ref = await fixture.create("port", { host, expose: ["80/tcp"] });
      await assert.rejects(open(t).start(ref, io), { code: "PORT_CONFLICT", message: new RegExp(`port ${port} `) });
    });

    it("a host port taken by a container is PORT_CONFLICT too", async (t) => {
      const provider = open(t);
      const free = await freePort();
      const host = { PortBindings: { "80/tcp": [{ HostIp: "127.0.0.1", HostPort: String(free) }] } };
      const [first, second] = await Promise.all([
        fixture.create("port-a", { host, expose: ["80/tcp"] }),
        fixture.create("port-b", { host, expose: ["80/tcp"] }),
      ]);
      await provider.start(first, io);
      await assert.rejects(provider.start(second, io), { code: "PORT_CONFLICT", message: new RegExp(`port ${free} `) });
      const look = await provider.inspect(second, io);
      assert.match(look?.error ?? "", /already allocated/);
    });

    it("a network that was removed is NETWORK_MISSING, not a missing container", async (t) => {
      const provider = open(t);
      const network = await fixture.network("short-lived");
      const ref = await fixture.create("orphan", { host: { NetworkMode: network } });
      await fixture.docker.getNetwork(network).remove();
      await assert.rejects(provider.start(ref, io), { code: "NETWORK_MISSING" });
    });

    it("docker restart from outside ends as running", async (t) => {
      const provider = open(t);
      const watch = recordWatch(provider);
      await watch.listed();
      const ref = await fixture.create("again");
      await provider.start(ref, io);
      await untilUp(provider, ref);
      await fixture.container(ref).restart({ t: 5 });
      await eventually("three changes", () => watch.changes(ref).length >= 3);
      assert.deepEqual(kinds(watch, ref), ["started", "exited asked=true", "started"]);
      assert.equal((await provider.inspect(ref, io))?.power, "running");
    });

    it("a crash loop tells that the engine starts it again, until it gives up", async (t) => {
      const provider = open(t);
      const watch = recordWatch(provider);
      await watch.listed();
      const host = { RestartPolicy: { Name: "on-failure", MaximumRetryCount: 1 } };
      const ref = await fixture.create("loop", { cmd: ["sh", "-c", "exit 3"], host });
      await eventually("it is known", () => watch.looks.some(({ refs }) => refs[0] === ref));
      await provider.start(ref, io);
      const ends = await eventually("two ends", () => {
        const found = watch.changes(ref).filter((change) => change.kind === "exited");
        return found.length >= 2 ? found : null;
      });
      assert.deepEqual(
        ends.map(({ asked, restarts }) => [asked, restarts]),
        [
          [false, true],
          [false, false],
        ],
      );
    });
  });

  describe("looks", () => {
    it("health is told as it changes, and forgotten by a stop", async (t) => {
      const provider = open(t);
      const watch = recordWatch(provider);
      await watch.listed();
      const Healthcheck = { Test: ["CMD", "test", "-f", "/tmp/ok"], Interval: 1e9, Timeout: 5e9, Retries: 1 };
      const cmd = ["sh", "-c", 'trap "exit 0" TERM; touch /tmp/ok; while :; do sleep 30 & wait $!; done'];
      const ref = await fixture.create("health", { cmd, more: { Healthcheck } });
      assert.equal((await provider.inspect(ref, io))?.health, "none", "it has had no check yet");
      await provider.start(ref, io);
      assert.equal((await watch.change(ref, "health")).health, "healthy");
      assert.equal((await provider.inspect(ref, io))?.health, "healthy");
      await provider.stop(ref, stopOptions);
      assert.equal((await provider.inspect(ref, io))?.health, "starting");
    });

    it("nodoff itself is refused, by its hostname", async (t) => {
      const ref = await fixture.create("self");
      const { Id } = await fixture.container(ref).inspect();
      const provider = open(t, { self: { hostname: Id.slice(0, 12), mountinfo: "" } });
      assert.match((await provider.inspect(ref, io))?.refusal ?? "", /itself/);
      await assert.rejects(provider.start(ref, io), { code: "REFUSED", message: /itself/ });
    });

    it("renamed and recreated: the list follows", async (t) => {
      const provider = open(t);
      const watch = recordWatch(provider);
      await watch.listed();
      const find = (ref: string) => watch.looks.find(({ refs }) => refs[0] === ref) ?? null;
      const ref = await fixture.create("old");
      const { id } = await eventually("the first", () => find(ref));
      await fixture.container(ref).rename({ name: `${ref}-kept` });
      await eventually("its new name", () => find(`${ref}-kept`) !== null && find(ref) === null);
      await fixture.container(`${ref}-kept`).remove();
      await fixture.create("old");
      const second = await eventually("the second", () => find(ref));
      assert.notEqual(second.id, id);
      assert.deepEqual(
        watch.changes(`${ref}-kept`).map(({ kind }) => kind),
        ["deleted"],
      );
    });

    it("a compose service is found by project/service", async (t) => {
      const provider = open(t);
      const project = randomBytes(4).toString("hex");
      const labels = { "com.docker.compose.project": project, "com.docker.compose.service": "web" };
      const ref = await fixture.create("web-1", { labels });
      const service = `${project}/web`;
      assert.deepEqual((await provider.inspect(service, io))?.refs, [ref, service]);
      await provider.start(service, io);
      assert.equal((await provider.inspect(ref, io))?.power, "running");
      const oneoff = { ...labels, "com.docker.compose.oneoff": "True" };
      const run = await fixture.create("web-run", { labels: oneoff });
      assert.match((await provider.inspect(run, io))?.refusal ?? "", /one-off/);
      assert.deepEqual((await provider.inspect(ref, io))?.refs, [ref, service]);
      await fixture.create("web-2", { labels });
      assert.deepEqual((await provider.inspect(ref, io))?.refs, [ref]);
      const listed = (await provider.list(io)).filter(({ refs }) => refs.includes(service));
      assert.deepEqual(listed, []);
    });
  });

  describe("output and counters", () => {
    it("a terminal's output is text, even where it happens to be JSON", async (t) => {
      const provider = open(t);
      const cmd = ["sh", "-c", `echo '{"level":"info"}'`];
      const ref = await fixture.create("tty", { cmd, more: { Tty: true } });
      await provider.start(ref, io);
      await fixture.container(ref).wait();
      assert.deepEqual(await provider.logs(ref, { ...io, lines: 5 }), ['{"level":"info"}']);
    });

    it("both streams come, and a long line is cut", async (t) => {
      const provider = open(t);
      const cmd = [
        "sh",
        "-c",
        "echo out; echo err >&2; i=0; while [ $i -lt 13 ]; do l=$l$l; l=${l:-x}; i=$((i+1)); done; echo $l",
      ];
      const ref = await fixture.create("streams", { cmd });
      await provider.start(ref, io);
      await fixture.container(ref).wait();
      const lines = await provider.logs(ref, { ...io, lines: 5 });
      const long = lines.find(({ length }) => length > 3);
      assert.equal(long?.length, 4_096);
      assert.deepEqual(lines.filter((line) => line !== long).sort(), ["err", "out"]);
    });

    it("an output nobody keeps is empty", async (t) => {
      const provider = open(t);
      const ref = await fixture.create("nolog", { host: { LogConfig: { Type: "none", Config: {} } } });
      await provider.start(ref, io);
      assert.deepEqual(await provider.logs(ref, { ...io, lines: 5 }), []);
    });

    it("a running one has traffic, CPU and memory, one without network no traffic", async (t) => {
      const provider = open(t);
      const [bridged, alone] = await Promise.all([
        fixture.create("counted"),
        fixture.create("alone", { host: { NetworkMode: "none" } }),
      ]);
      await Promise.all([provider.start(bridged, io), provider.start(alone, io)]);
      const counters = await provider.counters(bridged, io);
      assert.ok((counters.cpuMs ?? 0) > 0 && counters.rxBytes !== undefined && counters.txBytes !== undefined);
      assert.deepEqual(Object.keys(await provider.counters(alone, io)).sort(), ["cpuMs", "memoryBytes"]);
    });
  });

  describe("address", () => {
    const web = [
      "sh",
      "-c",
      'trap "exit 0" TERM; mkdir -p /tmp/w; echo hello > /tmp/w/index.html; httpd -p 8080 -h /tmp/w; echo up; while :; do sleep 30 & wait $!; done',
    ];
    const answer = ({ host, port }: { host: string; port: number }): Promise<number> =>
      new Promise((resolve, reject) => {
        get({ host, port, agent: false, timeout: 5_000 }, (res) => resolve(res.resume().statusCode ?? 0)).on(
          "error",
          reject,
        );
      });

    it("is the container's own, found anew after each start, and the one port it exposes", async (t) => {
      const provider = open(t);
      const ref = await fixture.create("web", { cmd: web, expose: ["8080/tcp"] });
      await assert.rejects(provider.address(ref, { port: 8080 }, io), { code: "ENGINE_ERROR", message: /not run/ });
      await provider.start(ref, io);
      const first = await provider.address(ref, { port: null }, io);
      assert.equal(first.port, 8080);
      await eventually("an answer", () => answer(first).catch(() => null));
      await provider.stop(ref, stopOptions);
      // Somebody else takes its place on the bridge.
      const other = await fixture.create("other");
      await provider.start(other, io);
      await provider.start(ref, io);
      const second = await provider.address(ref, { port: null }, io);
      assert.notEqual(second.host, first.host);
      await eventually("an answer", () => answer(second).catch(() => null));
    });

    it("with several ports asks for one", async (t) => {
      const provider = open(t);
      const ref = await fixture.create("ports", { expose: ["8080/tcp", "53/udp", "443/tcp"] });
      await provider.start(ref, io);
      await assert.rejects(provider.address(ref, { port: null }, io), { code: "NO_PORT", message: /443, 8080/ });
    });

    it("of one without a network of its own is that of its owner", async (t) => {
      const provider = open(t);
      const owner = await fixture.create("owner");
      await provider.start(owner, io);
      const guest = await fixture.create("guest", { host: { NetworkMode: `container:${owner}` } });
      await provider.start(guest, io);
      assert.deepEqual(await provider.address(guest, { port: 1 }, io), await provider.address(owner, { port: 1 }, io));
    });

    it("without any network is NO_SHARED_NETWORK", async (t) => {
      const provider = open(t);
      const ref = await fixture.create("islet", { host: { NetworkMode: "none" } });
      await provider.start(ref, io);
      await assert.rejects(provider.address(ref, { port: 80 }, io), { code: "NO_SHARED_NETWORK" });
    });

    it("seen from nodoff's own container: shared network, else published port, else the one to attach", async (t) => {
      const [ours, theirs] = await Promise.all([fixture.network("ours"), fixture.network("theirs")]);
      const nodoff = await fixture.create("nodoff", { host: { NetworkMode: ours } });
      const free = await freePort();
      const PortBindings = { "8080/tcp": [{ HostIp: "0.0.0.0", HostPort: String(free) }] };
      const hidden = await fixture.create("hidden", { host: { NetworkMode: theirs } });
      const published = await fixture.create("published", {
        cmd: web,
        expose: ["8080/tcp"],
        host: { NetworkMode: theirs, PortBindings },
      });
      await Promise.all([nodoff, hidden, published].map((name) => fixture.container(name).start()));
      const { Id } = await fixture.container(nodoff).inspect();
      const provider = open(t, { self: { hostname: Id.slice(0, 12), mountinfo: "" } });
      await assert.rejects(provider.address(hidden, { port: 80 }, io), {
        code: "NO_SHARED_NETWORK",
        message: new RegExp(`attach nodoff to "${theirs}"`),
      });
      const outside = await provider.address(published, { port: 8080 }, io);
      assert.equal(outside.port, free);
      await eventually("an answer", () => answer(outside).catch(() => null));
      await fixture.docker.getNetwork(ours).connect({ Container: hidden });
      const shared = await provider.address(hidden, { port: 80 }, io);
      const networks = (await fixture.container(hidden).inspect()).NetworkSettings.Networks;
      assert.equal(shared.host, networks[ours]?.IPAddress);
      const chosen = open(t, { network: theirs });
      assert.equal((await chosen.address(hidden, { port: 80 }, io)).host, networks[theirs]?.IPAddress);
    });
  });
});

async function untilUp(provider: Provider, ref: string): Promise<void> {
  await eventually("its first line", async () => (await provider.logs(ref, { ...io, lines: 1 })).length > 0);
}

/** What a connect by another user says. Needs no file of this project, which that user may not be able to read. */
async function connectAs(uid: number, socket: string): Promise<{ readonly code: string }> {
  const script =
    'require("net").connect(process.argv[1]).on("error", (e) => console.log(e.code)).on("connect", () => console.log("connected"));setTimeout(()=>process.exit(),2000).unref()';
  const child = spawn("/proc/self/exe", ["-e", script, socket], {
    argv0: "node",
    uid,
    gid: uid,
    stdio: ["ignore", "pipe", "inherit"],
  });
  let text = "";
  for await (const chunk of child.stdout) {
    text += String(chunk);
    child.kill();
  }
  return { code: text.trim() };
}
