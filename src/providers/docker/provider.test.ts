import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import type { TestContext } from "node:test";
import { engineStub } from "../../../test/support/engine-stub.ts";
import type { EngineStub, EngineStubOptions, StubReply, StubRequest } from "../../../test/support/engine-stub.ts";
import { recordingLogger } from "../../../test/support/logger.ts";
import { recordWatch } from "../../../test/support/observer.ts";
import { realClock } from "../../../test/support/real-clock.ts";
import { eventually } from "../../../test/support/relay.ts";
import { selfSigned } from "../../../test/support/self-signed.ts";
import type { Clock } from "../../core/clock.ts";
import type { Provider } from "../../core/provider.ts";
import { createDockerProvider } from "./index.ts";
import type { DockerTls } from "./index.ts";
import type { RawContainer, RawState } from "./raw.ts";

const id = "d".repeat(64);
/** A time limit of its own for each call: the whole run may last longer. */
const io = {
  get signal() {
    return AbortSignal.timeout(60_000);
  },
};
const podman = { ApiVersion: "1.41", MinAPIVersion: "1.24", Components: [{ Name: "Podman Engine" }] };
const states: Readonly<Record<string, RawState>> = {
  running: { Running: true },
  paused: { Running: true, Paused: true },
  stopped: { Running: false, ExitCode: 0, StartedAt: "2026-01-01T00:00:00Z" },
};

interface World {
  readonly stub: EngineStub;
  readonly provider: Provider;
  readonly logger: ReturnType<typeof recordingLogger>;
  /** What the one container `app` is like; tests change it. */
  readonly app: { state: string; more: Partial<RawContainer> };
}

/** A provider over an engine that has one container, `app`; `calls` answers its power calls. */
async function world(
  t: TestContext,
  options: {
    version?: object;
    state?: string;
    calls?: (call: string, app: World["app"], request: StubRequest) => StubReply | undefined;
    reply?: EngineStubOptions["reply"];
    clock?: Clock;
    more?: Partial<RawContainer>;
  } = {},
): Promise<World> {
  const app = { state: options.state ?? "stopped", more: options.more ?? {} };
  const row = () => ({
    Id: id,
    Names: ["/app"],
    State: app.state === "stopped" ? "exited" : app.state,
    Status: "Exited (0)",
  });
  const stub = await engineStub({
    ...(options.version !== undefined && { version: options.version }),
    reply(request) {
      const { method, path } = request;
      const own = options.reply?.(request);
      if (own !== undefined) return own;
      if (path === "/containers/app/json" || path === `/containers/${id}/json`) {
        return { status: 200, json: { Id: id, Name: "/app", State: states[app.state], ...app.more } };
      }
      if (path === "/containers/json") return { status: 200, json: [row()] };
      if (method === "POST" && path.startsWith(`/containers/${id}/`)) {
        return options.calls?.(path.split("/")[3] ?? "", app, request) ?? { status: 204 };
      }
      return undefined;
    },
  });
  const logger = recordingLogger();
  const provider = createDockerProvider({
    name: "local",
    url: stub.url,
    tls: null,
    network: null,
    self: { hostname: "host", mountinfo: "" },
    env: {},
    clock: options.clock ?? realClock,
    logger,
  });
  t.after(async () => {
    await provider.close();
    await stub.close();
  });
  return { stub, provider, logger, app };
}

/** The real clock, but whoever waits for 5 s or more waits a twentieth of it. */
const hasty: Clock = { ...realClock, after: (ms, run) => realClock.after(ms >= 5_000 ? ms / 20 : ms, run) };

const stopOptions = {
  stopSignal: null,
  timeoutMs: null,
  get signal() {
    return io.signal;
  },
};

describe("API version", () => {
  for (const [daemon, min, api] of [
    ["1.41", "1.12", "1.41"],
    ["1.9", undefined, "1.9"],
    ["1.60", "1.44", "1.52"],
    ["1.70", "1.60", "1.60"],
  ] as const) {
    it(`is ${api} with a daemon of ${min ?? "?"} to ${daemon}`, async (t) => {
      const { stub, provider } = await world(t, { version: { ApiVersion: daemon, MinAPIVersion: min } });
      await provider.list(io);
      assert.deepEqual(stub.requests.map((request) => request.api).slice(0, 2), [null, api]);
    });
  }

  it("is asked for once", async (t) => {
    const { stub, provider } = await world(t);
    await provider.list(io);
    await provider.list(io);
    assert.equal(stub.asked("GET /version").length, 1);
  });

  it("of what is no engine fails, and is asked for again", async (t) => {
    const { stub, provider } = await world(t, {
      reply: ({ path }) => (path === "/version" ? { status: 200, text: "<html>" } : undefined),
    });
    await assert.rejects(provider.list(io), { code: "PROVIDER_UNAVAILABLE", message: /does not speak/ });
    await assert.rejects(provider.list(io), { code: "PROVIDER_UNAVAILABLE" });
    assert.equal(stub.asked("GET /version").length, 2);
  });
});

describe("the process's own DOCKER_HOST", () => {
  it("changes nothing", async (t) => {
    t.after(() => delete process.env["DOCKER_HOST"]);
    process.env["DOCKER_HOST"] = "tcp://127.0.0.1:1";
    const { provider } = await world(t);
    assert.equal((await provider.list(io)).length, 1);
  });
});

describe("TLS", () => {
  const open = async (t: TestContext, tls: DockerTls | null, env: Record<string, string> = {}): Promise<Provider> => {
    const stub = await engineStub({ tls: selfSigned, reply: () => undefined });
    const provider = createDockerProvider({
      name: "remote",
      url: env["DOCKER_HOST"] === undefined ? stub.url : null,
      tls,
      network: null,
      self: { hostname: "host", mountinfo: "" },
      env: { ...env, ...(env["DOCKER_HOST"] !== undefined && { DOCKER_HOST: stub.url }) },
      clock: realClock,
      logger: recordingLogger(),
    });
    t.after(async () => {
      await provider.close();
      await stub.close();
    });
    return provider;
  };
  const { key, cert } = selfSigned;

  it("shows its certificate and checks the engine's", async (t) => {
    assert.deepEqual(await (await open(t, { ca: cert, cert, key })).list(io), []);
  });

  it("fails without one, or with a certificate nobody vouches for", async (t) => {
    for (const tls of [
      { ca: cert, cert: null, key: null },
      { ca: null, cert, key },
    ]) {
      await assert.rejects((await open(t, tls)).list(io), { code: "PROVIDER_UNAVAILABLE" });
    }
  });

  it("is read from DOCKER_CERT_PATH, checked only with DOCKER_TLS_VERIFY", async (t) => {
    const folder = mkdtempSync(join(tmpdir(), "ndtest-certs-"));
    t.after(() => rmSync(folder, { recursive: true }));
    for (const [name, text] of Object.entries({ ca: cert, cert, key }))
      writeFileSync(join(folder, `${name}.pem`), text);
    const env = { DOCKER_HOST: "stub", DOCKER_CERT_PATH: folder };
    assert.deepEqual(await (await open(t, null, { ...env, DOCKER_TLS_VERIFY: "1" })).list(io), []);
    assert.deepEqual(await (await open(t, null, env)).list(io), []);
  });
});

describe("judging by the state", () => {
  const refusing = (status: number, becomes: string) => (_call: string, app: World["app"]) => {
    app.state = becomes;
    return { status, json: { message: "the engine's own words" } };
  };

  it("a start that fails but runs it is success", async (t) => {
    const { provider } = await world(t, { calls: refusing(304, "running") });
    await provider.start("app", io);
  });

  it("a start that fails and does not run it is an error", async (t) => {
    const { provider } = await world(t, { calls: refusing(409, "stopped") });
    await assert.rejects(provider.start("app", io), { code: "ENGINE_ERROR", message: "the engine's own words" });
  });

  it("a stop whose connection breaks after the engine did it is success", async (t) => {
    const { provider } = await world(t, {
      state: "running",
      calls: (_call, app) => {
        app.state = "stopped";
        return { raw: (res) => void res.destroy() };
      },
    });
    await provider.stop("app", stopOptions);
  });

  it("a stop whose connection breaks while it runs on is PROVIDER_UNAVAILABLE", async (t) => {
    const { provider } = await world(t, { state: "running", calls: () => ({ raw: (res) => void res.destroy() }) });
    await assert.rejects(provider.stop("app", stopOptions), { code: "PROVIDER_UNAVAILABLE" });
  });

  it("deleted meanwhile is GONE", async (t) => {
    let deleted = false;
    const { provider } = await world(t, {
      reply({ path }) {
        const gone = deleted || path.endsWith("/start");
        deleted ||= path.endsWith("/start");
        return gone && path !== "/version" ? { status: 404, json: { message: "No such container" } } : undefined;
      },
    });
    await assert.rejects(provider.start("app", io), { code: "GONE" });
  });

  it("done already: nothing is sent", async (t) => {
    const { stub, provider, app } = await world(t, { state: "running" });
    await provider.start("app", io);
    await provider.resume("app", io);
    app.state = "paused";
    await provider.pause("app", io);
    app.state = "stopped";
    await provider.stop("app", stopOptions);
    await provider.kill("app", { ...io, stopSignal: null });
    assert.deepEqual(
      stub.requests.filter(({ method }) => method === "POST"),
      [],
    );
  });
});

describe("an engine that notes late what its runtime tells", () => {
  const opposite: Readonly<Record<string, string>> = { paused: "running", running: "paused" };

  /** For the next `echoes` looks after a pause or a resume, the engine says what was before it. */
  const echoing = (t: TestContext, { from, echoes }: { from: string; echoes: number }): Promise<World> => {
    let left = 0;
    return world(t, {
      state: from,
      clock: { ...realClock, now: () => realClock.now() * 20, after: (ms, run) => realClock.after(ms / 20, run) },
      calls(call, app) {
        left = echoes;
        app.state = call === "pause" ? "paused" : "running";
        return undefined;
      },
      reply: ({ path }) =>
        path.endsWith("/json") && path !== "/containers/json" && left-- > 0
          ? { status: 200, json: { Id: id, Name: "/app", State: states[from] } }
          : undefined,
    });
  };

  for (const [from, call] of [
    ["paused", "resume"],
    ["running", "pause"],
  ] as const) {
    it(`is not believed right after a ${call}`, async (t) => {
      const { provider } = await echoing(t, { from, echoes: 4 });
      await provider[call]("app", io);
      assert.equal((await provider.inspect("app", io))?.power, opposite[from]);
      assert.deepEqual(
        (await provider.list(io)).map(({ power }) => power),
        [opposite[from]],
      );
    });

    it(`is believed 2 s after a ${call}: somebody took it back`, async (t) => {
      const { provider } = await echoing(t, { from, echoes: Number.POSITIVE_INFINITY });
      await provider[call]("app", io);
      assert.equal((await provider.inspect("app", io))?.power, from);
    });
  }

  it("is believed at once of what was started since", async (t) => {
    const { provider, app, stub } = await world(t, {
      state: "running",
      calls(call, it) {
        it.state = call === "pause" ? "paused" : call === "stop" ? "stopped" : "running";
        return undefined;
      },
    });
    await provider.pause("app", io);
    await provider.stop("app", stopOptions);
    await provider.start("app", io);
    assert.equal(app.state, "running");
    const before = stub.requests.length;
    assert.equal((await provider.inspect("app", io))?.power, "running");
    assert.equal(stub.requests.length - before, 1);
  });
});

describe("stop", () => {
  const asked = async (
    t: TestContext,
    options: { version?: object; more?: Partial<RawContainer>; state?: string },
    stop: { stopSignal?: string; timeoutMs?: number },
  ): Promise<string[]> => {
    const { stub, provider } = await world(t, {
      state: "running",
      ...options,
      calls: (call, app) => {
        if (call === "unpause") app.state = "running";
        if (call === "stop" || call === "kill") app.state = "stopped";
        return undefined;
      },
    });
    await provider.stop("app", { ...stopOptions, ...stop });
    return stub.requests
      .filter(({ method }) => method === "POST")
      .map(({ path, query }) => `${path.split("/")[3]} ${query.toString()}`.trim());
  };
  const modern = { ApiVersion: "1.43" };

  it("always says how long: the caller's, the container's own, else 10 s", async (t) => {
    assert.deepEqual(await asked(t, {}, { timeoutMs: 1_500 }), ["stop t=2"]);
    assert.deepEqual(await asked(t, {}, { timeoutMs: 0 }), ["stop t=0"]);
    assert.deepEqual(await asked(t, { more: { Config: { StopTimeout: 90 } } }, {}), ["stop t=90"]);
    assert.deepEqual(await asked(t, { more: { Config: { StopTimeout: 0 } } }, {}), ["stop t=0"]);
    assert.deepEqual(await asked(t, {}, {}), ["stop t=10"]);
  });

  it("of Podman takes its 0 for not set, and thaws first", async (t) => {
    const more = { Config: { StopTimeout: 0 } };
    assert.deepEqual(await asked(t, { version: podman, more }, {}), ["stop t=10"]);
    assert.deepEqual(await asked(t, { version: podman, state: "paused" }, {}), ["unpause", "stop t=10"]);
  });

  it("sends the signal along from API 1.42 on, and by kill before", async (t) => {
    assert.deepEqual(await asked(t, { version: modern }, { stopSignal: "SIGUSR1" }), ["stop t=10&signal=SIGUSR1"]);
    assert.deepEqual(await asked(t, {}, { stopSignal: "SIGUSR1" }), ["kill signal=SIGUSR1"]);
    assert.deepEqual(await asked(t, {}, { stopSignal: "TERM" }), ["stop t=10"]);
    const own = { Config: { StopSignal: "SIGQUIT" } };
    assert.deepEqual(await asked(t, { more: own }, { stopSignal: "SIGQUIT" }), ["stop t=10"]);
    assert.deepEqual(await asked(t, { more: own }, { stopSignal: "SIGTERM" }), ["kill signal=SIGTERM"]);
  });

  it("ends what the signal did not, when its time is over", async (t) => {
    const { stub, provider } = await world(t, {
      state: "running",
      calls: (call, app) => {
        if (call === "stop") app.state = "stopped";
        return undefined;
      },
    });
    await provider.stop("app", { ...stopOptions, stopSignal: "SIGUSR1", timeoutMs: 200 });
    assert.equal(stub.asked(`POST /containers/${id}/stop`)[0]?.query.get("t"), "0");
  });
});

describe("what is asked of the engine", () => {
  it("is never a name that could be a path, nor a part of an id", async (t) => {
    const { stub, provider } = await world(t, {
      reply: ({ path }) =>
        path === "/containers/dddd/json" ? { status: 200, json: { Id: id, Name: "/app" } } : undefined,
    });
    await provider.list(io);
    const before = stub.requests.length;
    for (const ref of ["../images", "app/../x", "app?x=1", "a b", "", ".", "%2e"]) {
      assert.equal(await provider.inspect(ref, io), undefined, ref);
      await assert.rejects(provider.start(ref, io), { code: "GONE" });
    }
    const paths = new Set(stub.requests.slice(before).map(({ path }) => path));
    // `../images` could be a service: that is asked for by a label, not by a path.
    assert.deepEqual([...paths], ["/containers/json"]);
    assert.equal(await provider.inspect("dddd", io), undefined);
  });

  it("a service with several containers has none of its own", async (t) => {
    const labels = { "com.docker.compose.project": "blog", "com.docker.compose.service": "web" };
    const row = (name: string) => ({ Id: id, Names: [`/${name}`], State: "exited", Labels: labels });
    let rows = [row("blog-web-1"), row("blog-web-2")];
    const { provider, stub } = await world(t, {
      more: { Config: { Labels: labels } },
      reply: ({ path, query }) =>
        path === "/containers/json" && query.has("filters") ? { status: 200, json: rows } : undefined,
    });
    assert.equal(await provider.inspect("blog/web", io), undefined);
    await assert.rejects(provider.start("blog/web", io), { code: "GONE" });
    assert.deepEqual((await provider.inspect("app", io))?.refs, ["app"]);
    rows = [row("blog-web-1")];
    assert.deepEqual((await provider.inspect("blog/web", io))?.refs, ["app", "blog/web"]);
    await provider.start("blog/web", io);
    assert.equal(stub.asked(`POST /containers/${id}/start`).length, 1);
  });
});

describe("engines that do not answer properly", () => {
  const hang: StubReply = { raw: () => undefined };
  const within = async (limitMs: number, work: Promise<unknown>): Promise<void> => {
    const from = performance.now();
    await assert.rejects(work, { code: "PROVIDER_UNAVAILABLE" });
    assert.ok(performance.now() - from < limitMs);
  };

  for (const [what, path] of [
    ["negotiation", "/version"],
    ["look", "/containers/app/json"],
    ["call", `/containers/${id}/start`],
  ] as const) {
    it(`a ${what} that hangs ends by the signal`, async (t) => {
      const { provider } = await world(t, { reply: (request) => (request.path === path ? hang : undefined) });
      await within(2_000, provider.start("app", { signal: AbortSignal.timeout(100) }));
    });
  }

  it("an answer that breaks off in the middle ends by the signal at the latest", async (t) => {
    const { provider } = await world(t, {
      reply: ({ path }) =>
        path === "/containers/json"
          ? { raw: (res) => void res.writeHead(200, { "content-length": "100" }).write("[", () => res.destroy()) }
          : undefined,
    });
    await within(2_000, provider.list({ signal: AbortSignal.timeout(200) }));
  });

  it("a list that is no list is PROVIDER_UNAVAILABLE", async (t) => {
    const { provider } = await world(t, {
      reply: ({ path }) => (path === "/containers/json" ? { status: 200, text: "[{" } : undefined),
    });
    await assert.rejects(provider.list(io), { code: "PROVIDER_UNAVAILABLE", message: /readable/ });
  });

  it("one container whose inspection hangs does not hold up the list", async (t) => {
    const stuck = "e".repeat(64);
    const { provider } = await world(t, {
      clock: hasty,
      reply({ path }) {
        if (path === `/containers/${stuck}/json`) return hang;
        const rows = [
          { Id: stuck, Names: ["/stuck"], State: "running" },
          { Id: id, Names: ["/app"], State: "exited" },
        ];
        return path === "/containers/json" ? { status: 200, json: rows } : undefined;
      },
    });
    const looks = await provider.list(io);
    assert.deepEqual(
      looks.map(({ refs, power }) => [refs[0], power]),
      [
        ["stuck", "running"],
        ["app", "stopped"],
      ],
    );
  });
});

describe("a socket proxy", () => {
  it("that refuses a call: PROVIDER_FORBIDDEN names it", async (t) => {
    const { provider } = await world(t, { calls: () => ({ status: 403, text: "403 Forbidden" }) });
    await assert.rejects(provider.start("app", io), {
      code: "PROVIDER_FORBIDDEN",
      message: /POST \/containers\/\{id\}\/start/,
    });
  });

  it("that refuses lists: the link says so", async (t) => {
    const { provider } = await world(t, {
      reply: ({ path }) => (path === "/containers/json" ? { status: 403, text: "no" } : undefined),
    });
    const watch = recordWatch(provider);
    await eventually("the link", () => watch.links.length > 0);
    assert.equal(watch.links[0]?.code, "PROVIDER_FORBIDDEN");
    assert.match(watch.links[0]?.message ?? "", /GET \/containers\/json/);
    await watch.close();
  });

  it("that will refuse power calls is warned about when the engine first answers, once", async (t) => {
    const { provider, logger } = await world(t, {
      reply: ({ method, path }) =>
        method === "POST" && /\/(?:pause|unpause)$/.test(path) ? { status: 403, text: "no" } : undefined,
    });
    for (let round = 0; round < 2; round++) {
      const watch = recordWatch(provider);
      await watch.listed();
      if (round === 0) await eventually("the warning", () => logger.lines.some(({ level }) => level === "warn"));
      await watch.close();
    }
    const warnings = logger.lines.filter(({ level }) => level === "warn");
    assert.deepEqual(
      warnings.map(({ context }) => context["missing"]),
      [["POST /containers/{id}/pause", "POST /containers/{id}/unpause"]],
    );
  });
});

describe("watching", () => {
  const event = (Action: string, attributes: Record<string, string> = {}): object => ({
    Type: "container",
    Action,
    Actor: { ID: id, Attributes: { name: "app", ...attributes } },
    timeNano: Date.now() * 1e6 + Math.random() * 1e6,
  });

  it("asks Docker for the events of interest, Podman for all of containers", async (t) => {
    for (const [version, events] of [
      [undefined, true],
      [podman, false],
    ] as const) {
      const { stub, provider } = await world(t, version === undefined ? {} : { version });
      const watch = recordWatch(provider);
      await watch.listed();
      const filters = JSON.parse(stub.asked("GET /events")[0]?.query.get("filters") ?? "{}") as Record<string, unknown>;
      assert.deepEqual(filters["type"], ["container"]);
      assert.equal("event" in filters, events);
      // Each check of a container's health, and each command nodoff runs, would be three events.
      assert.ok(!JSON.stringify(filters).includes("exec"));
      await watch.close();
    }
  });

  it("its own stop counts as asked even where no kill event comes", async (t) => {
    const { stub, provider, app } = await world(t, {
      state: "running",
      calls: (call, container) => {
        if (call === "stop") container.state = "stopped";
        return undefined;
      },
    });
    const watch = recordWatch(provider);
    await watch.listed();
    await provider.stop("app", stopOptions);
    stub.event(event("die", { exitCode: "1" }));
    assert.equal((await watch.change("app", "exited")).asked, true);
    app.state = "running";
    stub.event(event("start"));
    stub.event(event("die", { exitCode: "1" }));
    const second = await eventually(
      "a second end",
      () => watch.changes("app").filter(({ kind }) => kind === "exited")[1],
    );
    assert.equal(second.kind === "exited" && second.asked, false);
    await watch.close();
  });

  it("a stop that failed does not make the next crash look asked", async (t) => {
    const { stub, provider } = await world(t, {
      state: "running",
      calls: () => ({ status: 500, json: { message: "cannot" } }),
    });
    const watch = recordWatch(provider);
    await watch.listed();
    await assert.rejects(provider.stop("app", stopOptions), { code: "ENGINE_ERROR" });
    stub.event(event("die", { exitCode: "1" }));
    assert.equal((await watch.change("app", "exited")).asked, false);
    await watch.close();
  });

  it("does not inspect again what is stopped and did not change", async (t) => {
    const { stub, provider } = await world(t);
    const watch = recordWatch(provider);
    await watch.listed();
    const inspected = () => stub.asked(`GET /containers/${id}/json`).length;
    assert.equal(inspected(), 1);
    stub.event({ ...event("create"), Actor: { ID: "f".repeat(64), Attributes: { name: "new" } } });
    await eventually("a second list", () => watch.lists === 2);
    assert.equal(inspected(), 1);
    stub.event(event("update"));
    await eventually("a third list", () => watch.lists === 3);
    assert.equal(inspected(), 2);
    await watch.close();
  });
});
