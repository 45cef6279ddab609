import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { login } from "../login.ts";
import {
  carryLabels,
  dockerProvider,
  noTraefik,
  openFailOpen,
  readLabels,
  startTraefik,
  startTraefikFile,
} from "../traefik.ts";
import { adapt } from "../kit.ts";
import type { Stage, StageDoor, StageOptions } from "./stage.ts";

/** Traefik's file provider with dynamic.yml, the apps by name. */
export const traefikFileStage: Stage = {
  title: "Traefik (file provider)",
  skip: noTraefik,
  prepare: ({ names }) =>
    Promise.resolve({
      config: twice,
      open: ({ hookPort, fail, sites }) => startTraefikFile({ hookPort, sites, names, failOpen: fail === "open" }),
    }),
};

/** Way b: routers and services as labels on nodoff's container. */
export const traefikWayBStage: Stage = {
  title: "Traefik way b",
  skip: noTraefik,
  prepare: ({ names }) => Promise.resolve({ config: twice, open: (options) => openWayB(options, names) }),
};

/** With fail-open Traefik stands twice in X-Forwarded-For. */
const twice = { proxy_hops: 2 } as const;

async function openWayB({ hookPort, fail, sites }: StageOptions, names: string): Promise<StageDoor> {
  const directory = await mkdtemp(join(tmpdir(), "nodoff-traefik-"));
  const failOpen = fail === "open" ? await openFailOpen() : undefined;
  const hook = `127.0.0.1:${hookPort}`;
  const labels: Record<string, string> = {
    "traefik.http.middlewares.login.basicauth.users": `${login.user}:${login.hash}`,
  };
  for (const { alias, host, address, login: asksLogin } of sites) {
    const ofSite = await readLabels("compose.way-b.yml", "nodoff", {
      "nodoff:8090": hook,
      "routers.blog.": `routers.${alias}.`,
      "service: blog": `service: ${alias}`,
      "services.blog.": `services.${alias}.`,
      "blog.example.com": host,
      "blog-web:2368": address,
    });
    Object.assign(labels, ofSite);
    if (asksLogin) labels[`traefik.http.routers.${alias}.middlewares`] = "login,nodoff";
  }
  if (failOpen !== undefined) {
    labels["traefik.http.middlewares.nodoff.forwardauth.address"] = `http://${failOpen.inner}/auth/traefik`;
    const file = adapt(failOpen.file, { "service: nodoff\n": "service: nodoff@docker\n" });
    await writeFile(join(directory, "fail-open.yml"), file);
  }
  const { run, carrier } = await carryLabels(labels);
  const files = [`--providers.file.directory=${directory}`, "--providers.file.watch=false", ...(failOpen?.args ?? [])];
  const provider = [...dockerProvider(run), ...(failOpen === undefined ? [] : files)];
  const traefik = await startTraefik(provider, { directory, names });
  for (const { alias } of sites) await traefik.routed(`${alias}@docker`);
  return {
    port: traefik.port,
    tlsPort: traefik.tlsPort,
    close: async () => {
      await traefik.close();
      await carrier.remove();
    },
  };
}
