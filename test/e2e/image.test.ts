import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { promisify } from "node:util";
import type Docker from "dockerode";
import { parse, stringify } from "yaml";
import { dockerSocket, openDocker } from "../support/docker.ts";
import { web } from "../support/e2e/boxes.ts";
import { startChild, until } from "../support/e2e/child.ts";
import { ask } from "../support/e2e/client.ts";
import { createEnds } from "../support/e2e/ends.ts";
import { adminToken } from "../support/e2e/home.ts";
import { buildBase, buildNodoff } from "../support/e2e/image.ts";
import { readKit } from "../support/e2e/kit.ts";
import { startSocketProxy } from "../support/socket-proxy.ts";

const run = promisify(execFile);
const atEnd = createEnds();
const fixture = await openDocker("image");
const { docker, prefix } = fixture;
const base = `${prefix}base:1`;
const image = `${prefix}nodoff:1`;
const stage = `${prefix}build:1`;
for (const each of [base, stage, image]) atEnd(() => docker.getImage(each).remove({ force: true }));
// Closed first: an image whose containers are there loses nothing but its name.
atEnd(() => fixture.close());
await buildBase(docker, base);
await buildNodoff(image, { base, stage });

/** Runs a program in the image, read-only and without rights, to its end. */
async function inImage(...command: readonly string[]): Promise<string> {
  const safe = ["--read-only", "--cap-drop=ALL", "--network=none", "--security-opt=no-new-privileges"];
  const [program = "", ...args] = command;
  const { stdout } = await run("docker", ["run", "--rm", ...safe, "--entrypoint", program, image, ...args]);
  return stdout;
}

describe("the image", () => {
  it("runs as nobody's root, owns its state, has no HEALTHCHECK and says what it is", async () => {
    const { Config } = await docker.getImage(image).inspect();
    assert.equal(Config.User, "1000:1000");
    assert.equal(Config.Healthcheck, undefined);
    assert.deepEqual(Config.Entrypoint, ["node", "/opt/nodoff/dist/main.cjs"]);
    assert.equal(Config.Labels?.["org.opencontainers.image.licenses"], "GPL-3.0-or-later");
    assert.equal(Config.Labels?.["org.opencontainers.image.version"], "1.2.3");
    assert.equal((await inImage("stat", "-c", "%u:%g", "/var/lib/nodoff")).trim(), "1000:1000");
  });

  it("holds what is shipped, not what it was made of", async (t) => {
    const files = (await inImage("find", "/opt/nodoff", "-type", "f")).trim().split("\n");
    const tops = [...new Set(files.map((path) => path.split("/")[3] ?? ""))].toSorted();
    const { files: shipped } = JSON.parse(await readKit("package.json")) as { readonly files: readonly string[] };
    assert.deepEqual(tops, ["LICENSE", "README.md", "cache", "package.json", ...shipped].toSorted());
    assert.ok(files.includes("/opt/nodoff/dist/LICENSES.txt"), "the licences of what is bundled");
    const sizes = await inImage("du", "-sk", ...tops.map((name) => `/opt/nodoff/${name}`));
    const own = (await docker.getImage(image).inspect()).Size - (await docker.getImage(base).inspect()).Size;
    t.diagnostic(`image: ${(own / 1e6).toFixed(1)} MB on top of its base, ${files.length} files`);
    for (const line of sizes.trim().split("\n")) t.diagnostic(`image: ${line.replace("\t", " kB ")}`);
    assert.ok(own < 20e6, `${own} bytes`);
  });

  it("starts with the code V8 compiled when it was built", async () => {
    const args = ["--network=none", "--read-only", "-e", "NODE_DEBUG_NATIVE=COMPILE_CACHE", image, "--version"];
    const { stdout, stderr } = await run("docker", ["run", "--rm", ...args]);
    assert.match(stdout, /^\d+\.\d+\.\d+$/m);
    assert.match(stderr, /cache for .*dist\/main\.cjs was accepted/);
  });
});

interface Signal {
  readonly name: string;
  readonly live: boolean;
  readonly needs: string | null;
}

interface Started {
  readonly port: number;
  readonly app: Docker.Container;
  readonly signals: () => Promise<Readonly<Record<string, boolean>>>;
  readonly state: () => Promise<string>;
  readonly refused: () => readonly string[];
}

const kit = parse(await readKit("deploy/compose.socket-proxy.yml")) as {
  readonly services: Readonly<Record<string, { readonly command: readonly string[] }>>;
};
const documented = kit.services["docker-proxy"]!.command;
const withExec = [...documented, String.raw`-allowPOST=(/v1\.\d+)?/(containers/[^/]+/exec|exec/[^/]+/start)`];

/** nodoff from the image, read-only, with no way to the engine but a socket proxy with these flags. */
async function start(name: string, flags: readonly string[]): Promise<Started> {
  const network = await fixture.network(name);
  const [range] = ((await docker.getNetwork(network).inspect()) as Docker.NetworkInspectInfo).IPAM?.Config ?? [];
  const gateway = range?.["Gateway"] ?? "";
  const proxy = await openProxy(gateway, flags);
  const folder = await mkdtemp(join(tmpdir(), "nodoff-image-"));
  atEnd(() => rm(folder, { recursive: true, force: true }));
  // The image's user is not the one who runs the tests.
  await chmod(folder, 0o755);
  const container = await fixture.create(`${name}-app`, { cmd: web(), expose: ["80/tcp"], networks: [network] });
  const config = {
    admin: { token: adminToken },
    listen: { proxy: ":8080" },
    log: { level: "debug" },
    providers: { local: { type: "docker", discover: false } },
    workloads: { app: { container, host: "app.test", port: 80, idle_timeout: "3s", min_awake: "1s" } },
  };
  await writeFile(join(folder, "nodoff.yaml"), stringify(config));
  const published = {
    "8080/tcp": [{ HostIp: "127.0.0.1", HostPort: "0" }],
    "8090/tcp": [{ HostIp: "127.0.0.1", HostPort: "0" }],
  };
  const nodoff = docker.getContainer(
    await fixture.create(`${name}-nodoff`, {
      cmd: ["serve", "--config", "/etc/nodoff/nodoff.yaml"],
      expose: ["8080/tcp", "8090/tcp"],
      host: {
        Binds: [`${folder}:/etc/nodoff:ro`],
        CapDrop: ["ALL"],
        NetworkMode: network,
        PortBindings: published,
        ReadonlyRootfs: true,
        SecurityOpt: ["no-new-privileges"],
      },
      more: { Image: image, Env: [`DOCKER_HOST=tcp://${gateway}:${proxy.port}`] },
    }),
  );
  await nodoff.start();
  const { Ports } = (await nodoff.inspect()).NetworkSettings;
  const portOf = (inner: string): number => Number(Ports[inner]?.[0]?.HostPort);
  const url = `http://127.0.0.1:${portOf("8090/tcp")}`;
  await until("/readyz of nodoff in the image", async () => {
    const answer = await fetch(`${url}/readyz`).catch(() => undefined);
    return answer?.status === 200 ? true : undefined;
  }).catch(async (error: unknown) => {
    throw new Error(`${String(error)}\n${String(await nodoff.logs({ stdout: true, stderr: true, tail: 40 }))}`);
  });
  assert.equal((await fetch(`${url}/healthz`)).status, 200);
  const workload = async (): Promise<{ readonly state: string; readonly signals: readonly Signal[] }> => {
    const answer = await fetch(`${url}/api/v1/workloads/app`, { headers: { Authorization: `Bearer ${adminToken}` } });
    return (await answer.json()) as { readonly state: string; readonly signals: readonly Signal[] };
  };
  return {
    port: portOf("8080/tcp"),
    app: docker.getContainer(container),
    signals: async () => Object.fromEntries((await workload()).signals.map(({ name: signal, live }) => [signal, live])),
    state: async () => (await workload()).state,
    refused: proxy.refused,
  };
}

interface OpenProxy {
  readonly port: number;
  readonly refused: () => readonly string[];
}

/** SOCKET_PROXY_BIN is a real one; else ours does the same. */
async function openProxy(host: string, flags: readonly string[]): Promise<OpenProxy> {
  const program = process.env["SOCKET_PROXY_BIN"];
  if (program === undefined) {
    const proxy = await startSocketProxy(dockerSocket, { flags, host });
    atEnd(() => proxy.close());
    return { port: proxy.port, refused: () => [...proxy.refused].sort() };
  }
  const port = 20_000 + (process.pid % 10_000);
  const allowed = flags.filter((flag) => flag.startsWith("-allow") && !flag.startsWith("-allowfrom"));
  const own = [`-listenip=${host}`, `-proxyport=${port}`, "-allowfrom=0.0.0.0/0"];
  const child = await startChild(program, [...own, ...allowed]);
  atEnd(() => child.close());
  return { port, refused: () => [] };
}

describe("nodoff in its image, behind a socket proxy", () => {
  it("wakes and puts to sleep with the documented allow list; what it lacks is said", async () => {
    const { port, app, signals, state, refused } = await start("list", documented);
    const woken = await ask(port, { host: "app.test", path: "/" });
    assert.deepEqual([woken.status, woken.text], [200, "hello\n"]);
    const live = await until("every signal to be read", async () => {
      const now = await signals();
      return now["connections"] === false ? now : undefined;
    });
    assert.deepEqual([live["network"], live["cpu"], live["exec_sessions"]], [true, true, true]);
    await until("the app to sleep", async () => ((await state()) === "napping" ? true : undefined));
    assert.equal((await app.inspect()).State.Running, false);
    if (process.env["SOCKET_PROXY_BIN"] === undefined)
      assert.deepEqual(refused(), ["POST /containers/{id}/exec"], "nothing else was asked for");
  });

  it("sees open connections too, once exec is let through", async () => {
    const { port, signals, refused } = await start("exec", withExec);
    assert.equal((await ask(port, { host: "app.test", path: "/" })).status, 200);
    await until("connections to be read", async () => ((await signals())["connections"] === true ? true : undefined));
    assert.deepEqual(refused(), []);
  });
});
