import Docker from "dockerode";
import { randomBytes, randomInt } from "node:crypto";
import { fileURLToPath } from "node:url";
import { ensureAppImage } from "./app-image.ts";
import { isAlive, owner } from "./docker.ts";

/** A container with the activity app, created and never started. Its address is the same at every start. */
export interface ActivityApp {
  readonly name: string;
  /** `host:port` of its HTTP server. */
  readonly address: string;
  /** Of its raw TCP echo. */
  readonly tcp: { readonly host: string; readonly port: number };
  /** Wall clock ms of its last start; NaN = never. */
  startedAt(): Promise<number>;
  /** Resolves when it has ended, with the wall clock ms of that. It has to run. */
  ended(): Promise<number>;
  running(): Promise<boolean>;
  /** `docker exec`, attached; resolves with its exit code. */
  exec(command: readonly string[]): Promise<number>;
  /** Resolves once it wrote `text` to standard output since its start. */
  said(text: string): Promise<void>;
}

export interface ActivityApps {
  create(): Promise<ActivityApp>;
  /** Removes them and their network. */
  close(): Promise<void>;
}

const script = fileURLToPath(new URL("activity-app.mts", import.meta.url));

/** Apps on a network of their own, at fixed addresses: what a proxy in the same compose network sees. */
export async function openActivityApps(): Promise<ActivityApps> {
  const docker = new Docker();
  await removeOrphans(docker);
  const image = await ensureAppImage(docker);
  const run = `ndtest-activity-${randomBytes(4).toString("hex")}`;
  const { network, prefix } = await createNetwork(docker, run);
  const created: Docker.Container[] = [];
  let count = 0;
  return {
    async create() {
      const index = count++;
      const host = `${prefix}.${index + 10}`;
      const container = await docker.createContainer({
        name: `${run}-${index}`,
        Image: image,
        Cmd: ["/bin/node", "/app/activity-app.mts"],
        Labels: { [owner]: String(process.pid) },
        ExposedPorts: { "8080/tcp": {}, "9000/tcp": {} },
        HostConfig: { Binds: [`${script}:/app/activity-app.mts:ro`], NetworkMode: run },
        NetworkingConfig: { EndpointsConfig: { [run]: { IPAMConfig: { IPv4Address: host } } } },
      });
      created.push(container);
      return toApp(container, host);
    },
    async close() {
      await Promise.all(created.map((container) => container.remove({ force: true })));
      await network.remove();
    },
  };
}

/** What killed test runs left behind. */
async function removeOrphans(docker: Docker): Promise<void> {
  const filters = { label: [owner] };
  const isOrphan = (labels: Readonly<Record<string, string>> | undefined): boolean => !isAlive(Number(labels?.[owner]));
  const gone = (removal: Promise<unknown>): Promise<unknown> => removal.catch(() => undefined);
  for (const { Id, Labels } of await docker.listContainers({ all: true, filters }))
    if (isOrphan(Labels)) await gone(docker.getContainer(Id).remove({ force: true }));
  for (const { Id, Labels } of await docker.listNetworks({ filters }))
    if (isOrphan(Labels)) await gone(docker.getNetwork(Id).remove());
}

/** Of what is free: others on this machine have networks too. */
async function createNetwork(
  docker: Docker,
  name: string,
): Promise<{ readonly network: Docker.Network; readonly prefix: string }> {
  for (let tries = 1; ; tries++) {
    const prefix = `10.${randomInt(100, 250)}.${randomInt(256)}`;
    try {
      const network = await docker.createNetwork({
        Name: name,
        Labels: { [owner]: String(process.pid) },
        IPAM: { Driver: "default", Config: [{ Subnet: `${prefix}.0/24` }] },
      });
      return { network, prefix };
    } catch (error) {
      if (tries === 10) throw error;
    }
  }
}

async function toApp(container: Docker.Container, host: string): Promise<ActivityApp> {
  const { Name } = await container.inspect();
  const state = async (): Promise<Docker.ContainerInspectInfo["State"]> => (await container.inspect()).State;
  return {
    name: Name.slice(1),
    address: `${host}:8080`,
    tcp: { host, port: 9000 },
    running: async () => (await state()).Running,
    startedAt: async () => toTime((await state()).StartedAt),
    async ended() {
      await container.wait();
      return toTime((await state()).FinishedAt);
    },
    async exec(command) {
      const exec = await container.exec({ Cmd: [...command], AttachStdout: true, AttachStderr: true });
      const stream = await exec.start({});
      for await (const _ of stream) void _;
      return (await exec.inspect()).ExitCode ?? -1;
    },
    async said(text) {
      const stream = await container.logs({ follow: true, stdout: true });
      let all = "";
      for await (const data of stream) {
        all += String(data);
        if (all.includes(text)) break;
      }
      if (!all.includes(text)) throw new Error(`it ended before it said "${text}": ${all}`);
    },
  };
}

/** The engine's "never" is the year 1. */
function toTime(text: string): number {
  const time = Date.parse(text);
  return time > 0 ? time : Number.NaN;
}
