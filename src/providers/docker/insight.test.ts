import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { TestContext } from "node:test";
import { engineStub } from "../../../test/support/engine-stub.ts";
import type { EngineStub, StubReply, StubRequest } from "../../../test/support/engine-stub.ts";
import { silentLogger } from "../../../test/support/logger.ts";
import { realClock } from "../../../test/support/real-clock.ts";
import type { Insight, Provider } from "../../core/provider.ts";
import { createDockerProvider } from "./index.ts";
import type { RawContainer, RawExec } from "./raw.ts";

const id = "d".repeat(64);
/** A time limit of its own for each call: the whole run may last longer. */
const io = {
  get signal() {
    return AbortSignal.timeout(60_000);
  },
};

interface World {
  readonly stub: EngineStub;
  readonly provider: Provider;
  readonly insight: Required<Insight>;
}

type Reply = (request: StubRequest) => StubReply | undefined;

interface WorldOptions {
  readonly more?: Partial<RawContainer>;
  /** By id. */
  readonly execs?: Readonly<Record<string, RawExec>>;
  readonly reply?: Reply;
}

const frame = (text: string, stream = 1): Buffer => {
  const header = Buffer.alloc(8);
  header.writeUInt8(stream, 0);
  header.writeUInt32BE(Buffer.byteLength(text), 4);
  return Buffer.concat([header, Buffer.from(text)]);
};
const output = (...parts: readonly Buffer[]): StubReply => ({
  raw: (res) => res.writeHead(200, { "content-type": "application/vnd.docker.raw-stream" }).end(Buffer.concat(parts)),
});

/** An engine with one running container, `app`, whose processes are on another machine. */
async function world(t: TestContext, { more = {}, execs = {}, reply }: WorldOptions = {}): Promise<World> {
  const stub = await engineStub({
    reply(request) {
      const own = reply?.(request);
      if (own !== undefined) return own;
      const { method, path } = request;
      if (path === "/containers/app/json") {
        return { status: 200, json: { Id: id, Name: "/app", State: { Running: true, Pid: 1 }, ...more } };
      }
      if (method === "POST" && path === `/containers/${id}/exec`) return { status: 201, json: { Id: "own" } };
      const exec = execs[/^\/exec\/(.+)\/json$/.exec(path)?.[1] ?? ""];
      return exec && { status: 200, json: exec };
    },
  });
  const provider = createDockerProvider({
    name: "local",
    url: stub.url,
    tls: null,
    network: null,
    self: { hostname: "host", mountinfo: "" },
    env: {},
    clock: realClock,
    logger: silentLogger,
  });
  t.after(async () => {
    await provider.close();
    await stub.close();
  });
  return { stub, provider, insight: provider.insight as Required<Insight> };
}

const refuse =
  (call: string): Reply =>
  ({ method, path }) =>
    `${method} ${path}` === call ? { status: 403, text: "Forbidden" } : undefined;

const heading = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";
const rest = "00000000:00000000 00:00000000 00000000     0        0 20 1\n";
const tables =
  `${heading}   0: 00000000:0050 00000000:0000 0A ${rest}` +
  `   1: 020011AC:0050 010011AC:1000 01 ${rest}   2: 020011AC:2000 010011AC:1538 01 ${rest}`;
const ended = (ExitCode: number): Readonly<Record<string, RawExec>> => ({ own: { Running: false, ExitCode } });
const starts =
  (answer: StubReply): Reply =>
  ({ path }) =>
    path === "/exec/own/start" ? answer : undefined;

describe("connections by the engine alone", () => {
  it("are read by a command inside, also where there is no table for IPv6", async (t) => {
    const complaint = frame("cat: /proc/net/tcp6: No such file or directory\n", 2);
    const { insight } = await world(t, { execs: ended(1), reply: starts(output(frame(tables), complaint)) });
    assert.deepEqual(await insight.connections("app", io), [{ port: 80, peer: "172.17.0.1:4096" }]);
  });

  for (const call of [`POST /containers/${id}/exec`, "POST /exec/own/start", "GET /exec/own/json"]) {
    const name = call.replace(id, "{id}").replace("own", "{id}");
    it(`without the right to ${name} name it, and the other way`, async (t) => {
      const { insight } = await world(t, {
        reply: (request) => refuse(call)(request) ?? starts(output(frame(tables)))(request),
      });
      await assert.rejects(insight.connections("app", io), (error: NodeJS.ErrnoException) => {
        assert.equal(error.code, "PROVIDER_FORBIDDEN");
        assert.ok(error.message.includes(name) && error.message.includes("pid: host"), error.message);
        return true;
      });
    });
  }

  it("where there is no `cat` are not asked for again", async (t) => {
    const failure =
      'OCI runtime exec failed: exec failed: exec: "cat": executable file not found in $PATH: unknown\r\n';
    const { insight, stub } = await world(t, { execs: ended(127), reply: starts(output(frame(failure))) });
    for (let times = 0; times < 3; times++) {
      await assert.rejects(insight.connections("app", io), { code: "ENGINE_ERROR", message: /no "cat".*pid: host/ });
    }
    assert.equal(stub.asked("POST /exec/own/start").length, 1);
  });

  it("of which the engine lost a part are an error once, not for ever", async (t) => {
    const both = output(frame(tables), frame(heading));
    const answers = [output(), output(frame(tables)), both];
    const { insight } = await world(t, {
      execs: ended(0),
      reply: ({ path }) => (path === "/exec/own/start" ? answers.shift() : undefined),
    });
    for (let lost = 0; lost < 2; lost++) {
      await assert.rejects(insight.connections("app", io), { code: "ENGINE_ERROR", message: /lost a part/ });
    }
    assert.deepEqual(await insight.connections("app", io), [{ port: 80, peer: "172.17.0.1:4096" }]);
  });

  it("of what is frozen are none, and no command is run", async (t) => {
    const { insight, stub } = await world(t, { more: { State: { Running: true, Paused: true, Pid: 1 } } });
    assert.deepEqual(await insight.connections("app", io), []);
    assert.equal(stub.asked(`POST /containers/${id}/exec`).length, 0);
  });
});

describe("sessions", () => {
  const exec = (...command: readonly string[]): RawExec => {
    const [entrypoint = "", ...rest] = command;
    return { Running: true, ExitCode: null, ProcessConfig: { entrypoint, arguments: rest } };
  };
  const sessions = async (t: TestContext, execs: WorldOptions["execs"] = {}, more: Partial<RawContainer> = {}) => {
    const { insight } = await world(t, { execs, more: { ExecIDs: Object.keys(execs), ...more } });
    return insight.sessions("app", io);
  };

  it("cost one call where nobody ran a command", async (t) => {
    for (const more of [{}, { ExecIDs: null }, { ExecIDs: [] }]) {
      const { insight, stub } = await world(t, { more });
      assert.deepEqual(await insight.sessions("app", io), []);
      // The other is the negotiation.
      assert.equal(stub.requests.length, 2);
    }
  });

  it("are the commands that run; what ended or vanished meanwhile is none", async (t) => {
    const over: RawExec = { ...exec("ls"), Running: false, ExitCode: 0 };
    const { insight } = await world(t, {
      execs: { a: exec("bash", "-l"), b: over },
      more: { ExecIDs: ["a", "b", "vanished"] },
    });
    assert.deepEqual(await insight.sessions("app", io), ["bash -l"]);
  });

  it("are no health checks: a shell's, a plain one, another shell's, Podman's", async (t) => {
    const check = (...Test: readonly string[]) => ({ Config: { Healthcheck: { Test } } });
    const shell = check("CMD-SHELL", "curl -f localhost || exit 1");
    const text = "curl -f localhost || exit 1";
    assert.deepEqual(await sessions(t, { a: exec("/bin/sh", "-c", text) }, shell), []);
    assert.deepEqual(await sessions(t, { a: exec("sh", "-c", text) }, shell), []);
    assert.deepEqual(await sessions(t, { a: exec("pg_isready", "-q") }, check("CMD", "pg_isready", "-q")), []);
    const other = { Config: { ...shell.Config, Shell: ["/bin/bash", "-ec"] } };
    assert.deepEqual(await sessions(t, { a: exec("/bin/bash", "-ec", text) }, other), []);
    assert.deepEqual(await sessions(t, { a: exec("/bin/sh", "-c", "ls") }, shell), ["/bin/sh -c ls"]);
    assert.deepEqual(await sessions(t, { a: exec("NONE") }, check("NONE")), ["NONE"]);
  });

  it("without the right to see them are PROVIDER_FORBIDDEN", async (t) => {
    const { insight } = await world(t, { more: { ExecIDs: ["a"] }, reply: refuse("GET /exec/a/json") });
    await assert.rejects(insight.sessions("app", io), {
      code: "PROVIDER_FORBIDDEN",
      message: /GET \/exec\/\{id\}\/json/,
    });
  });
});

describe("exec", () => {
  it("waits until the engine has noted the end; Podman has an exit code before that", async (t) => {
    let asked = 0;
    const { insight } = await world(t, {
      reply(request) {
        if (request.path === "/exec/own/json") {
          return { status: 200, json: { Running: ++asked < 3, ExitCode: asked < 3 ? 0 : 5 } };
        }
        return starts(output(frame("out "), frame("err", 2)))(request);
      },
    });
    assert.deepEqual(await insight.exec("app", ["job"], io), { exitCode: 5, output: "out err" });
  });

  it("tells a command that says 127 itself from one the engine could not run", async (t) => {
    const said = await world(t, { execs: ended(127), reply: starts(output(frame("sh: nope: not found\n"))) });
    assert.equal((await said.insight.exec("app", ["sh", "-c", "nope"], io)).exitCode, 127);
    const failure = "OCI runtime exec failed: exec failed: no such file or directory: unknown\r\n";
    const failed = await world(t, { execs: ended(126), reply: starts(output(frame(failure))) });
    await assert.rejects(failed.insight.exec("app", ["nope"], io), { code: "BAD_COMMAND" });
  });
});
