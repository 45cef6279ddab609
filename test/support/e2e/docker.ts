import Docker from "dockerode";
import { createHash, randomBytes } from "node:crypto";
import { readFile, rename, writeFile } from "node:fs/promises";
import { stripTypeScriptTypes } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ensureAppImage } from "./app-image.ts";
import { ownHost, until } from "./child.ts";

/** What `/stats` of the test app says; counted since its last start. */
export interface AppStats {
  readonly requests: Readonly<Record<string, number>>;
  readonly probes: Readonly<Record<string, number>>;
  readonly bodies: readonly { readonly url: string; readonly bytes: number; readonly sha256: string }[];
  readonly sockets: number;
}

export interface AppOptions {
  /** What the app does, see test-app.mts. */
  readonly env?: Readonly<Record<string, string>>;
  readonly labels?: Readonly<Record<string, string>>;
}

/** A container with the test app, created and never started. */
export interface App {
  /** The container's name. */
  readonly name: string;
  /** Where it answers whatever address its container gets: app port 8080, published at an address of this machine. */
  readonly url: string;
  /** Host and port of that. */
  readonly published: string;
  stats(): Promise<AppStats>;
  running(): Promise<boolean>;
  paused(): Promise<boolean>;
  /** Its address on Docker's own network; empty while it does not run. */
  address(): Promise<string>;
  /** As a person would: `docker start`, `docker stop`. */
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Resolves once it answers. */
  listening(): Promise<void>;
  /** A moment of the engine's own clock, for `events`. */
  now(): Promise<number>;
  /** What the engine did to it since then: names of its container events, oldest first. */
  events(since: number): Promise<readonly string[]>;
  /** Resolves at the next event of that name, or one since then. */
  event(action: string, since: number): Promise<void>;
  /** Deletes the container and makes another of the same name, not started. */
  recreate(): Promise<void>;
  remove(): Promise<void>;
}

const source = new URL("test-app.mts", import.meta.url);
/** Label with the pid of the test run it belongs to. */
export const owner = "nodoff-test.pid";

let nextPort = 10_000;

/** Opens the engine and drops what killed test runs left behind. */
export async function openDocker(): Promise<{ docker: Docker; createApp: (options?: AppOptions) => Promise<App> }> {
  const docker = new Docker();
  await removeOrphans(docker);
  const [image, script] = await Promise.all([ensureAppImage(docker), plainApp()]);
  return { docker, createApp: (options = {}) => createApp(docker, { image, script }, options) };
}

/** The test app without its types, which node would take out at every start: a third of what a start costs. */
async function plainApp(): Promise<string> {
  const script = stripTypeScriptTypes(await readFile(source, "utf8"));
  const name = `nodoff-test-app-${createHash("sha256").update(script).digest("hex").slice(0, 16)}.mjs`;
  const path = join(tmpdir(), name);
  await writeFile(`${path}.${process.pid}`, script);
  await rename(`${path}.${process.pid}`, path);
  return path;
}

async function removeOrphans(docker: Docker): Promise<void> {
  for (const { Id, Labels } of await docker.listContainers({ all: true, filters: { label: [owner] } })) {
    if (isAlive(Number(Labels[owner]))) continue;
    await docker
      .getContainer(Id)
      .remove({ force: true })
      .catch(() => undefined);
  }
}

/** Whether that test run still goes on. */
export function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

interface Kit {
  readonly image: string;
  readonly script: string;
}

async function createApp(docker: Docker, { image, script }: Kit, options: AppOptions): Promise<App> {
  const name = `ndtest-e2e-${randomBytes(4).toString("hex")}`;
  const published = `${ownHost}:${nextPort++}`;
  const [HostIp = "", HostPort = ""] = published.split(":");
  const description: Docker.ContainerCreateOptions = {
    name,
    Image: image,
    Cmd: ["/bin/node", "/app/test-app.mjs"],
    Env: Object.entries(options.env ?? {}).map(([key, value]) => `${key}=${value}`),
    Labels: { ...options.labels, [owner]: String(process.pid) },
    ExposedPorts: { "8080/tcp": {} },
    HostConfig: {
      Binds: [`${script}:/app/test-app.mjs:ro`],
      PortBindings: { "8080/tcp": [{ HostIp, HostPort }] },
    },
  };
  let container = await docker.createContainer(description);
  const url = `http://${published}`;

  const stats = async (): Promise<AppStats> => (await (await fetch(`${url}/stats`)).json()) as AppStats;

  async function events(since: number): Promise<readonly string[]> {
    const stream = await docker.getEvents({
      since,
      until: await now(docker),
      filters: { container: [container.id] },
    });
    let text = "";
    for await (const chunk of stream) text += String(chunk);
    const lines = text.split("\n").filter((line) => line !== "");
    return lines.map((line) => (JSON.parse(line) as { Action: string }).Action);
  }

  return {
    name,
    url,
    published,
    events,
    now: () => now(docker),
    stats,
    listening: () => until(`${name} listening`, () => stats().catch(() => undefined)).then(() => undefined),
    running: async () => (await container.inspect()).State.Running,
    paused: async () => (await container.inspect()).State.Paused,
    address: async () => (await container.inspect()).NetworkSettings.Networks["bridge"]?.IPAddress ?? "",
    start: () => container.start() as Promise<void>,
    stop: () => container.stop({ t: 5 }) as Promise<void>,
    event: (action, since) =>
      until(`docker event ${action} of ${name}`, async () =>
        (await events(since)).includes(action) ? true : undefined,
      ).then(() => undefined),
    recreate: async () => {
      await container.remove({ force: true });
      container = await docker.createContainer(description);
    },
    remove: () => container.remove({ force: true }),
  };
}

/** The engine's clock, in seconds; asked for, as it need not be ours. */
async function now(docker: Docker): Promise<number> {
  const { SystemTime } = (await docker.info()) as { readonly SystemTime: string };
  return Date.parse(SystemTime) / 1000;
}
