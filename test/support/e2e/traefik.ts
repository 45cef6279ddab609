import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse, stringify } from "yaml";
import { type App, openDocker } from "./docker.ts";
import { type Child, freePort, startChild, until, withNames } from "./child.ts";
import { adapt, type Door, readKit, type Site } from "./kit.ts";
import { login } from "./login.ts";

/** The Traefik of these tests; without one they are skipped, visibly. */
export const traefikBin = process.env["TRAEFIK_BIN"];

/** For the `skip` option of a suite. */
export const noTraefik = traefikBin === undefined ? "TRAEFIK_BIN names no Traefik" : false;

export interface Traefik extends Door {
  /** The entry point `websecure`, with a certificate of Traefik's own; the kit's routers are there as on `web`. */
  readonly tlsPort: number;
  /** Its API, without a token. */
  readonly apiUrl: string;
  readonly child: Child;
  /** Resolves once a router of that name is enabled. */
  routed(name: string): Promise<void>;
}

/** Traefik with an entry point `web`; `provider` are further arguments, such as `--providers.file.filename=…`. */
export async function startTraefik(
  provider: readonly string[],
  options: {
    /** Removed with it. */
    readonly directory?: string;
    /** Address of the resolver it asks for the apps' names; needs a directory. */
    readonly names?: string | undefined;
    /** Default: any free one. */
    readonly apiPort?: number;
  } = {},
): Promise<Traefik> {
  if (traefikBin === undefined) throw new Error("TRAEFIK_BIN is not set");
  const port = await freePort();
  const tlsPort = await freePort();
  const { directory, names, apiPort = await freePort() } = options;
  const { command, args } = await withNames(directory ?? tmpdir(), names, [
    traefikBin,
    `--entrypoints.websecure.address=127.0.0.1:${tlsPort}`,
    "--entrypoints.websecure.http.tls=true",
    `--entrypoints.web.address=127.0.0.1:${port}`,
    `--entrypoints.traefik.address=127.0.0.1:${apiPort}`,
    "--api.insecure=true",
    "--global.checknewversion=false",
    "--global.sendanonymoususage=false",
    "--log.level=INFO",
    ...provider,
  ]);
  const child = await startChild(command, args);
  const apiUrl = `http://127.0.0.1:${apiPort}`;
  return {
    port,
    tlsPort,
    apiUrl,
    child,
    routed: async (name) => {
      await until(`Traefik's router ${name}`, async () => {
        const answer = await fetch(`${apiUrl}/api/http/routers/${name}`).catch(() => undefined);
        if (answer?.status !== 200) return undefined;
        return ((await answer.json()) as { status: string }).status === "enabled" ? true : undefined;
      });
    },
    close: async () => {
      await child.close();
      if (directory !== undefined) await rm(directory, { recursive: true, force: true });
    },
  };
}

/** Traefik's file provider with the shipped `dynamic.yml`, its example app once per site. */
export async function startTraefikFile(options: {
  readonly hookPort: number;
  readonly sites: readonly Site[];
  /** With the shipped `fail-open.yml` and the static options it asks for. */
  readonly failOpen?: boolean;
  /** More static options, such as `--serverstransport.forwardingtimeouts.idleconntimeout=6s`. */
  readonly args?: readonly string[];
  /** Address of the resolver it asks for the apps' names. */
  readonly names?: string;
}): Promise<Traefik> {
  const directory = await mkdtemp(join(tmpdir(), "nodoff-traefik-"));
  const dynamic = toDynamic(await readKit("traefik/dynamic.yml"), options);
  const provider = [`--providers.file.directory=${directory}`, "--providers.file.watch=false", ...(options.args ?? [])];
  if (options.failOpen === true) {
    const { file, inner, args } = await openFailOpen();
    await writeFile(join(directory, "fail-open.yml"), file);
    dynamic.http.middlewares.nodoff.forwardAuth.address = `http://${inner}/auth/traefik`;
    provider.push(...args);
  }
  await writeFile(join(directory, "dynamic.yml"), stringify(dynamic));
  const traefik = await startTraefik(provider, { directory, names: options.names });
  for (const { alias } of options.sites) await traefik.routed(`${alias}@file`);
  return traefik;
}

/** The shipped fail-open.yml, and the very lines of its head, with a port of this machine. */
export async function openFailOpen(): Promise<{
  readonly file: string;
  /** host:port where the middleware's address leads now. */
  readonly inner: string;
  /** Static options. */
  readonly args: readonly string[];
}> {
  const inner = `127.0.0.1:${await freePort()}`;
  const file = await readKit("traefik/fail-open.yml");
  const lines = file.matchAll(/^# +(--\S+)(?: +(--\S+))?/gm);
  const asked = Array.from(lines, ([, ...found]) => found.filter((text) => text !== undefined)).flat();
  const args = asked.map((text) => text.replace("127.0.0.1:8099", inner));
  // The tests have two entry points of their own.
  return { file, inner, args: [...args, "--entrypoints.websecure.asdefault=true"] };
}

interface Dynamic {
  readonly http: {
    readonly routers: Record<string, unknown>;
    readonly middlewares: { readonly nodoff: { readonly forwardAuth: { address: string } }; login?: object };
    readonly services: Record<string, unknown>;
  };
}

function toDynamic(text: string, options: { readonly hookPort: number; readonly sites: readonly Site[] }): Dynamic {
  const adapted = parse(adapt(text, { "nodoff:8090": `127.0.0.1:${options.hookPort}` })) as Dynamic;
  const { routers, middlewares, services } = adapted.http;
  const { blog: router, ...otherRouters } = routers;
  const { blog: service, ...otherServices } = services;
  for (const { alias, host, address, login: asksLogin } of options.sites) {
    const text = adapt(stringify(router), { "blog.example.com": host, "service: blog": `service: ${alias}` });
    otherRouters[alias] = parse(asksLogin === true ? adapt(text, { "- nodoff": "- login\n  - nodoff" }) : text);
    otherServices[alias] = parse(adapt(stringify(service), { "blog-web:2368": address }));
  }
  middlewares.login = { basicAuth: { users: [`${login.user}:${login.hash}`] } };
  return { http: { routers: otherRouters, middlewares, services: otherServices } };
}

/** The labels a compose file of the kit gives a service, with this machine's addresses. */
export async function readLabels(
  file: string,
  service: string,
  replacements: Readonly<Record<string, string>>,
): Promise<Record<string, string>> {
  const compose = parse(await readKit(`traefik/${file}`)) as {
    readonly services: Readonly<Record<string, { readonly labels: Readonly<Record<string, string>> }>>;
  };
  const labels = stringify(compose.services[service]?.labels ?? {}, { lineWidth: 0 });
  return parse(adapt(labels, replacements)) as Record<string, string>;
}

/** A container that carries the labels the kit gives nodoff's; nodoff itself runs on the host in these tests. */
export async function carryLabels(labels: Readonly<Record<string, string>>): Promise<{ run: string; carrier: App }> {
  const run = `run-${process.pid}-${await freePort()}`;
  const { createApp } = await openDocker();
  const carrier = await createApp({ labels: { ...labels, "nodoff-test.run": run } });
  await carrier.start();
  return { run, carrier };
}

/** Traefik's Docker provider, which sees nothing but the containers of that run. */
export function dockerProvider(run: string): readonly string[] {
  return [
    "--providers.docker=true",
    "--providers.docker.exposedbydefault=false",
    `--providers.docker.constraints=Label(\`nodoff-test.run\`,\`${run}\`)`,
  ];
}
