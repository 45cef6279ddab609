import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { connect as connectTcp, createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { after, before, describe, it } from "node:test";
import type { TestContext } from "node:test";
import type { ExecResult, OpenConnection, Provider } from "../../../src/core/provider.ts";
import { createDockerProvider } from "../../../src/providers/docker/index.ts";
import type { DockerProviderOptions } from "../../../src/providers/docker/index.ts";
import { createProcessProvider } from "../../../src/providers/process/index.ts";
import { dockerMissing, dockerSocket, openDocker } from "../../support/docker.ts";
import type { ContainerOptions, DockerFixture } from "../../support/docker.ts";
import { fakeProvider } from "../../support/fake-provider.ts";
import { describeInsight } from "../../support/insight-conformance.ts";
import type { InsightKind, InsightSubject } from "../../support/insight-conformance.ts";
import { silentLogger } from "../../support/logger.ts";
import { recordWatch } from "../../support/observer.ts";
import { realClock } from "../../support/real-clock.ts";
import { eventually } from "../../support/relay.ts";

const io = { signal: AbortSignal.timeout(110_000) };
const unique = (kind: InsightKind): string => `${kind}-${randomBytes(4).toString("hex")}`;

/** Somebody to be called: keeps what comes. */
async function openCallee(): Promise<{ readonly port: number; readonly calls: ReadonlySet<Socket>; close(): void }> {
  const calls = new Set<Socket>();
  const server = createServer((socket) => void calls.add(socket.on("error", () => undefined)));
  await once(server.listen(0, "0.0.0.0"), "listening");
  return {
    port: (server.address() as AddressInfo).port,
    calls,
    close() {
      for (const socket of calls) socket.destroy();
      server.close();
    },
  };
}

/**
 * The servers here send back what they get: then the connection is accepted. A container says "up" beside its server,
 * which may listen a moment later: refused is tried again.
 */
async function converse(host: string, port: number): ReturnType<InsightSubject["connect"]> {
  const socket = await eventually("it is answered", async () => {
    const attempt = connectTcp(port, host).on("error", () => undefined);
    attempt.write("hello\n");
    const refused = (error: NodeJS.ErrnoException): null => {
      if (error.code === "ECONNREFUSED") return null;
      throw error;
    };
    return once(attempt, "data").then(() => attempt, refused);
  });
  return { localPort: socket.localPort ?? 0, close: () => socket.end() };
}

async function openFake(): Promise<InsightSubject> {
  const provider = fakeProvider({ clock: realClock });
  const clients = new Map<string, OpenConnection[]>();
  const sessions = new Map<string, string[]>();
  let nextPort = 40_000;
  let cpuMs = 0;
  return {
    provider,
    clock: realClock,
    run(kind) {
      const ref = unique(kind);
      clients.set(ref, []);
      sessions.set(ref, []);
      provider.add(ref, {
        power: "running",
        connections: () => [...(clients.get(ref) ?? [])],
        sessions: () => [...(sessions.get(ref) ?? [])],
        exec: ([, , script = ""]): ExecResult =>
          script.includes("good") ? { exitCode: 0, output: "good\n" } : { exitCode: 3, output: "bad\n" },
        counters: () => (provider.look(ref)?.power === "running" ? { cpuMs: ++cpuMs, memoryBytes: 1 } : {}),
      });
      return Promise.resolve(ref);
    },
    connect(ref) {
      const localPort = nextPort++;
      const client = { port: 8080, peer: `192.0.2.1:${localPort}` };
      clients.get(ref)?.push(client);
      const close = (): void => void clients.set(ref, clients.get(ref)?.filter((one) => one !== client) ?? []);
      return Promise.resolve({ localPort, close });
    },
    enter(ref, command) {
      sessions.get(ref)?.push(command.join(" "));
      return Promise.resolve({ end: () => Promise.resolve(void sessions.set(ref, [])) });
    },
    close: () => provider.close(),
  };
}

async function openProcess(): Promise<InsightSubject> {
  const provider = createProcessProvider({
    name: "here",
    clock: realClock,
    logger: silentLogger,
    definitions: new Map(),
    env: process.env,
    kill: (pid, signal) => void process.kill(pid, signal),
  });
  const callee = await openCallee();
  const scripts: Readonly<Record<InsightKind, string>> = {
    server: `const s = require("net").createServer((c) => c.on("error", () => 0).pipe(c));
      s.listen(0, () => {
        console.log(s.address().port);
        // Its own end of a connection to itself is no use by others.
        require("net").connect(s.address().port, "127.0.0.1");
      });`,
    caller: `require("net").connect(${callee.port}, "127.0.0.1", () => console.log("up"));`,
    worker: `console.log("up"); setInterval(() => { for (const end = Date.now() + 20; Date.now() < end; ); }, 50);`,
  };
  const firstLine = (ref: string): Promise<string> =>
    eventually("its first line", async () => (await provider.logs(ref, { ...io, lines: 1 }))[0]);
  return {
    provider,
    clock: realClock,
    async run(kind) {
      const ref = unique(kind);
      // Not the first process of its group.
      const command = ["sh", "-c", '"$0" -e "$1" & wait', process.execPath, scripts[kind]];
      provider.define(ref, { command, cwd: null, env: {} });
      await provider.start(ref, io);
      await firstLine(ref);
      return ref;
    },
    connect: async (ref) => converse("127.0.0.1", Number(await firstLine(ref))),
    enter: () => Promise.reject(new Error("this row is skipped")),
    async close() {
      await provider.close();
      callee.close();
    },
  };
}

const endless = 'trap "exit 0" TERM; echo up; while :; do sleep 30 & wait $!; done';
const echoServer = `nc -ll -p 8080 -e cat & ${endless}`;

function openDockerProvider(options: Partial<DockerProviderOptions> = {}): Provider {
  return createDockerProvider({
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
}

async function runContainer(fixture: DockerFixture, name: string, options: ContainerOptions): Promise<string> {
  const ref = await fixture.create(name, options);
  await fixture.container(ref).start();
  await eventually("its first line", async () => String(await fixture.container(ref).logs({ stdout: true })) !== "");
  return ref;
}

/** As `docker exec -i` does. */
async function enterContainer(
  fixture: DockerFixture,
  ref: string,
  command: readonly string[],
): ReturnType<InsightSubject["enter"]> {
  const exec = await fixture.container(ref).exec({ Cmd: [...command], AttachStdin: true, AttachStdout: true });
  const stream = await exec.start({ hijack: true, stdin: true });
  stream.resume();
  return {
    async end() {
      stream.end();
      await eventually("its end", async () => !(await exec.inspect()).Running);
    },
  };
}

async function openDockerSubject(options: Partial<DockerProviderOptions>): Promise<InsightSubject> {
  const fixture = await openDocker("insight");
  const provider = openDockerProvider(options);
  const callee = await openCallee();
  const { IPAM } = (await fixture.docker.getNetwork("bridge").inspect()) as {
    IPAM: { Config: readonly { Gateway?: string }[] };
  };
  const gateway = IPAM.Config[0]?.Gateway ?? "";
  const scripts: Readonly<Record<InsightKind, string>> = {
    server: echoServer,
    caller: `sleep 1000 | nc ${gateway} ${callee.port} & ${endless}`,
    worker: 'trap "exit 0" TERM; echo up; while :; do for i in 1 2 3 4 5 6 7 8 9; do echo; done > /tmp/x; done',
  };
  return {
    provider,
    clock: realClock,
    async run(kind) {
      const before = callee.calls.size;
      const ref = await runContainer(fixture, unique(kind), { cmd: ["sh", "-c", scripts[kind]] });
      if (kind === "caller") await eventually("its call", () => callee.calls.size > before);
      return ref;
    },
    async connect(ref) {
      const { host, port } = await provider.address(ref, { port: 8080 }, io);
      return converse(host, port);
    },
    enter: (ref, command) => enterContainer(fixture, ref, command),
    async close() {
      await provider.close();
      callee.close();
      await fixture.close();
    },
  };
}

const noHost = { host: { proc: "/no/such/folder" } };
const missing = await dockerMissing();

describeInsight("fake", openFake, {
  skip: {
    "exec cuts long output": "the fake runs no commands: tests script what they say",
    "exec of what cannot be run is BAD_COMMAND, on what does not run ENGINE_ERROR": "the fake runs no commands",
    "a signal ends the waiting for a command": "the fake runs no commands: tests script delays",
    "what is sent counts": "the fake counts nothing: tests script counters",
  },
});

describeInsight("process", openProcess, {
  skip: {
    "a command somebody runs inside is a session as long as it lasts, nodoff's own is none": "a process has no inside",
    "exec tells the exit code and the output": "a process has no inside",
    "exec cuts long output": "a process has no inside",
    "exec of what cannot be run is BAD_COMMAND, on what does not run ENGINE_ERROR": "a process has no inside",
    "a signal ends the waiting for a command": "a process has no inside",
    "what is sent counts": "the network is shared with the whole machine",
  },
});

describeInsight("docker, by the host's /proc", () => openDockerSubject({}), { missing });
describeInsight("docker, by the engine alone", () => openDockerSubject(noHost), { missing });

describe("docker insight", { skip: missing }, () => {
  let fixture: DockerFixture;
  before(async () => {
    fixture = await openDocker("insight");
  });
  after(() => fixture.close());
  const open = (t: TestContext, options: Partial<DockerProviderOptions> = {}): Provider => {
    const provider = openDockerProvider(options);
    t.after(() => provider.close());
    return provider;
  };
  const sh = (script: string): string[] => ["sh", "-c", script];
  const dial = async (t: TestContext, provider: Provider, ref: string): Promise<number> => {
    const { host, port } = await provider.address(ref, { port: 8080 }, io);
    const { localPort, close } = await converse(host, port);
    t.after(close);
    return localPort;
  };

  it("health checks are no sessions, however they are written", async (t) => {
    const provider = open(t);
    for (const [name, Test] of [
      ["shell", ["CMD-SHELL", "sleep 1000"]],
      ["plain", ["CMD", "sleep", "1000"]],
    ] as const) {
      const Healthcheck = { Test: [...Test], Interval: 100e6, Timeout: 100e9 };
      const ref = await runContainer(fixture, `health-${name}`, { cmd: sh(endless), more: { Healthcheck } });
      await eventually("the check runs", async () => (await fixture.container(ref).inspect()).ExecIDs !== null);
      const person = await enterContainer(fixture, ref, ["cat"]);
      await eventually("a person is seen", async () => {
        const sessions = await provider.insight?.sessions?.(ref, io);
        return sessions?.join() === "cat";
      });
      await person.end();
      assert.deepEqual(await provider.insight?.sessions?.(ref, io), []);
    }
  });

  it("one without a network of its own tells its owner's connections and no traffic", async (t) => {
    for (const options of [{}, noHost]) {
      const provider = open(t, options);
      const owner = await runContainer(fixture, `owner-${randomBytes(2).toString("hex")}`, { cmd: sh(echoServer) });
      const host = { NetworkMode: `container:${owner}` };
      const guest = await runContainer(fixture, `guest-${randomBytes(2).toString("hex")}`, { cmd: sh(endless), host });
      const localPort = await dial(t, provider, owner);
      const found = await provider.insight?.connections?.(guest, io);
      assert.deepEqual(
        found?.map(({ port, peer }) => [port, peer.split(":").at(-1)]),
        [[8080, String(localPort)]],
      );
      assert.deepEqual(Object.keys(await provider.counters(guest, io)).sort(), ["cpuMs", "memoryBytes"]);
      const { Id } = await fixture.container(owner).inspect();
      assert.equal((await provider.inspect(guest, io))?.sharesNetworkWith, Id);
    }
  });

  it("in the host's network its own connections are told by who listens, or by the ports it names", async (t) => {
    const port = 20_000 + Math.floor(Math.random() * 10_000);
    const cmd = sh(`nc -ll -p ${port} -e cat & ${endless}`);
    const host = { NetworkMode: "host" };
    const silent = await runContainer(fixture, "host-silent", { cmd, host });
    const seen = async (provider: Provider, ref: string): Promise<unknown> =>
      (await provider.insight?.connections?.(ref, io))?.map(({ peer }) => Number(peer.split(":").at(-1)));
    const provider = open(t);
    const blind = open(t, noHost);
    assert.deepEqual(await seen(provider, silent), [], "others' connections are not its own");
    const { localPort, close } = await converse("127.0.0.1", port);
    t.after(close);
    assert.deepEqual(await seen(provider, silent), [localPort]);
    await assert.rejects(seen(blind, silent), { code: "ENGINE_ERROR", message: /exposes no port/ });
    const named = await runContainer(fixture, "host-named", { cmd: sh(endless), host, expose: [`${port}/tcp`] });
    assert.deepEqual(await seen(blind, named), [localPort]);
  });

  it("without `cat` inside it says so, and does not try again", async (t) => {
    const provider = open(t, noHost);
    const ref = await fixture.create("no-cat", {
      cmd: sh(`busybox rm /bin/cat; ${endless}`),
    });
    await fixture.container(ref).start();
    await eventually("its first line", async () => (await provider.logs(ref, { ...io, lines: 1 })).length > 0);
    const refused = { code: "ENGINE_ERROR", message: /no "cat"/ } as const;
    await assert.rejects(async () => provider.insight?.connections?.(ref, io), refused);
    const from = performance.now();
    await assert.rejects(async () => provider.insight?.connections?.(ref, io), refused);
    t.diagnostic(`said again after ${(performance.now() - from).toFixed(1)} ms`);
  });

  it("a container recreated under the same name is the one that is asked", async (t) => {
    const provider = open(t);
    const ref = await runContainer(fixture, "again", { cmd: sh(echoServer) });
    await dial(t, provider, ref);
    assert.equal((await provider.insight?.connections?.(ref, io))?.length, 1);
    await fixture.container(ref).remove({ force: true });
    await runContainer(fixture, "again", { cmd: sh(echoServer) });
    assert.deepEqual(await provider.insight?.connections?.(ref, io), []);
  });

  it("after a rename a name means the container that has it now", async (t) => {
    const provider = open(t);
    const watch = recordWatch(provider);
    await watch.listed();
    const [blue, green] = await Promise.all(
      ["blue", "green"].map((name) => runContainer(fixture, name, { cmd: sh(echoServer) })),
    );
    assert.ok(blue !== undefined && green !== undefined);
    await dial(t, provider, blue);
    assert.equal((await provider.insight?.connections?.(blue, io))?.length, 1);
    await fixture.container(blue).rename({ name: `${blue}-old` });
    await fixture.container(green).rename({ name: blue });
    t.after(() => fixture.container(`${blue}-old`).remove({ force: true }));
    await eventually("it is green's", async () => (await provider.insight?.connections?.(blue, io))?.length === 0);
    await watch.close();
  });

  it("counters are the same by the host's /proc and by the engine", async (t) => {
    const [byHost, byEngine] = [open(t), open(t, noHost)];
    const ref = await runContainer(fixture, "same", { cmd: sh(echoServer) });
    await dial(t, byHost, ref);
    const same = await eventually("a moment without traffic", async () => {
      const before = await byHost.counters(ref, io);
      const engine = await byEngine.counters(ref, io);
      const after = await byHost.counters(ref, io);
      return before.txBytes === after.txBytes && before.rxBytes === after.rxBytes ? { before, engine, after } : null;
    });
    const { before, engine, after } = same;
    assert.deepEqual(Object.keys(engine).sort(), ["cpuMs", "memoryBytes", "rxBytes", "txBytes"]);
    assert.deepEqual([engine.rxBytes, engine.txBytes], [after.rxBytes, after.txBytes]);
    const { cpuMs = 0, memoryBytes = 0 } = engine;
    assert.ok(cpuMs >= (before.cpuMs ?? 0) && cpuMs <= (after.cpuMs ?? 0), `${cpuMs} ms`);
    assert.ok(Math.abs(memoryBytes - (after.memoryBytes ?? 0)) < 2 ** 20, `${memoryBytes} bytes`);
  });

  it("by the host's /proc costs well under 1 ms of CPU time", async (t) => {
    const provider = open(t);
    const ref = await runContainer(fixture, "cost", { cmd: sh(echoServer) });
    const measure = async (what: string): Promise<number> => {
      const rounds = 500;
      const costs: number[] = [];
      for (let part = 0; part < 5; part++) {
        const from = process.cpuUsage();
        for (let round = 0; round < rounds / 5; round++) {
          await provider.insight?.connections?.(ref, io);
          await provider.counters(ref, io);
        }
        const { user, system } = process.cpuUsage(from);
        costs.push((user + system) / (rounds / 5));
      }
      const [least = 0] = costs.sort((a, b) => a - b);
      t.diagnostic(`connections and counters, ${what}: ${least.toFixed(0)} µs of CPU time`);
      return least;
    };
    assert.ok((await measure("no connection")) < 1_000);
    await dial(t, provider, ref);
    assert.ok((await measure("one silent connection")) < 1_000);
    assert.equal((await provider.insight?.connections?.(ref, io))?.length, 1);
  });
});
