import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { constants } from "node:fs";
import { access, cp, mkdir, mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Dockerode from "dockerode";

export const dockerSocket = "/var/run/docker.sock";
const busybox = "/bin/busybox";

/** Why tests with a real engine cannot run here; false when they can. */
export async function dockerMissing(): Promise<string | false> {
  try {
    await access(busybox, constants.X_OK);
    await toDockerode().ping();
    return false;
  } catch (error) {
    return `no Docker engine or no ${busybox}: ${(error as Error).message}`;
  }
}

export interface ContainerOptions {
  /** Default: runs until TERM, then exits 0. */
  readonly cmd?: readonly string[];
  readonly labels?: Readonly<Record<string, string>>;
  readonly host?: Dockerode.HostConfig;
  /** Such as `80/tcp`. */
  readonly expose?: readonly string[];
  readonly networks?: readonly string[];
  readonly more?: Partial<Dockerode.ContainerCreateOptions>;
}

/** One test file's own objects on the local engine, all removed by `close`. */
export interface DockerFixture {
  readonly docker: Dockerode;
  /** Begins every name; random. */
  readonly prefix: string;
  readonly image: string;
  /** Creates a container without starting it; returns its name. */
  create(name: string, options?: ContainerOptions): Promise<string>;
  network(name: string, options?: Partial<Dockerode.NetworkCreateOptions>): Promise<string>;
  container(name: string): Dockerode.Container;
  close(): Promise<void>;
}

/** Ends by TERM at once, with 0; busybox as PID 1 would ignore it. Says `one` once it is ready for that. */
export const untilTerm = ["sh", "-c", 'trap "exit 0" TERM; echo one; while :; do sleep 30 & wait $!; done'] as const;
/** Ignores TERM. */
export const stubborn = ["sh", "-c", 'trap "" TERM; echo one; while :; do sleep 30 & wait $!; done'] as const;

/** Imports an image that holds busybox alone; `room` names its user in the engine's lists. */
export async function openDocker(room: string): Promise<DockerFixture> {
  const docker = toDockerode();
  const prefix = `ndtest-${room}-${randomBytes(4).toString("hex")}-`;
  const image = `${prefix}busybox:1`;
  await importBusybox(docker, image);
  const containers = new Set<string>();
  const networks: string[] = [];
  return {
    docker,
    prefix,
    image,
    container: (name) => docker.getContainer(name),
    async create(name, options = {}) {
      const full = `${prefix}${name}`;
      containers.add(full);
      await docker.createContainer({
        name: full,
        Image: image,
        Cmd: [...(options.cmd ?? untilTerm)],
        Labels: { ...options.labels },
        ExposedPorts: Object.fromEntries((options.expose ?? []).map((port) => [port, {}])),
        HostConfig: { ...options.host },
        ...options.more,
      });
      for (const network of options.networks ?? []) await docker.getNetwork(network).connect({ Container: full });
      return full;
    },
    async network(name, options = {}) {
      const full = `${prefix}${name}`;
      networks.push(full);
      await docker.createNetwork({ Name: full, ...options });
      return full;
    },
    async close() {
      await Promise.all([...containers].map((name) => gone(docker.getContainer(name).remove({ force: true }))));
      await Promise.all(networks.map((name) => gone(docker.getNetwork(name).remove())));
      await gone(docker.getImage(image).remove());
    },
  };
}

function toDockerode(): Dockerode {
  return new Dockerode({ socketPath: dockerSocket, host: undefined, port: undefined });
}

async function gone(removal: Promise<unknown>): Promise<void> {
  try {
    await removal;
  } catch (error) {
    if ((error as { statusCode?: number }).statusCode !== 404) throw error;
  }
}

async function importBusybox(docker: Dockerode, image: string): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "ndtest-image-"));
  try {
    await mkdir(join(folder, "bin"));
    await mkdir(join(folder, "tmp"));
    await cp(busybox, join(folder, "bin/busybox"));
    for (const name of ["sh", "sleep", "httpd", "nc", "cat", "touch", "test", "echo"]) {
      await symlink("busybox", join(folder, "bin", name));
    }
    const tar = spawn("tar", ["-C", folder, "-c", "."], { stdio: ["ignore", "pipe", "inherit"] });
    const [repo, tag] = image.split(":");
    const options = { repo, tag, changes: "ENV PATH=/bin" };
    const answer = await docker.importImage(tar.stdout, options);
    for await (const line of answer) {
      if (String(line).includes('"error"')) throw new Error(`image import failed: ${String(line)}`);
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
