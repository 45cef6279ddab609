import { mkdtemp, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort, until } from "../child.ts";
import { adapt } from "../kit.ts";
import { login } from "../login.ts";
import { carryLabels, noTraefik, openFailOpen, readLabels, startTraefik, type Traefik } from "../traefik.ts";
import { wayC } from "../traefik-labels.ts";
import type { LabelledSite, PreparedStage, Stage, StageDoor, StageOptions } from "./stage.ts";

/** A held request keeps its old routing, so only what can be sent again gets through. */
const comesAgain = "503 with Retry-After: 1, the next try goes through";
const asGet = "307 to the same address once Traefik knows the app, which this client does not follow";

const limitsOfDocker = {
  "held POST with body": comesAgain,
  "50 MB upload while asleep": comesAgain,
  WebSocket: comesAgain,
  SSE: asGet,
  "HTTP/2": asGet,
  "OPTIONS preflight": comesAgain,
  "100 mixed requests at once": comesAgain,
  "app listens late": comesAgain,
  "sleep in the middle of keep-alive": comesAgain,
} as const;

/** nodoff stops what it should pause there, and `nodoff check` says so. */
const withoutPause = { "paused, again and again": "Traefik's Docker provider hangs on paused containers" } as const;

/** Way a: labels on the app alone. */
export const traefikWayAStage: Stage = {
  title: "Traefik way a",
  skip: noTraefik,
  limits: limitsOfDocker,
  without: withoutPause,
  prepare: () => prepareDocker("a"),
};

/** Way c: `/traefik/config`. */
export const traefikWayCStage: Stage = {
  title: "Traefik way c",
  skip: noTraefik,
  prepare: () => {
    let run = "";
    return Promise.resolve({
      config: twice,
      async labels(site) {
        run = site.run;
        return labelsOf("c", site);
      },
      open: (options) => openWayC(options, run),
    });
  },
};

/** Way d: a catch-all router. */
export const traefikWayDStage: Stage = {
  title: "Traefik way d",
  skip: noTraefik,
  limits: {
    ...limitsOfDocker,
    "login in front": "while the app sleeps its login is not asked: strangers get the page",
  },
  without: withoutPause,
  prepare: () => prepareDocker("d"),
};

/** With fail-open Traefik stands twice in X-Forwarded-For. */
const twice = { proxy_hops: 2 } as const;

async function labelsOf(
  way: "a" | "c" | "d",
  { alias, host, login: asksLogin }: LabelledSite,
): Promise<Record<string, string>> {
  const kit = await readLabels(`compose.way-${way}.yml`, "blog-web", {
    "routers.blog.": `routers.${alias}.`,
    "services.blog.": `services.${alias}.`,
    "blog.example.com": host,
    '"2368"': '"8080"',
  });
  // How each case sleeps is its own affair.
  const ofCases = new Set(["nodoff.idle_timeout", "nodoff.stop_method", "nodoff.name"]);
  const labels: Record<string, string> = Object.fromEntries(Object.entries(kit).filter(([key]) => !ofCases.has(key)));
  const middlewares = `traefik.http.routers.${alias}.middlewares`;
  const asked = labels[middlewares];
  return {
    ...labels,
    "traefik.http.middlewares.login.basicauth.users": `${login.user}:${login.hash}`,
    ...(asksLogin && { [middlewares]: ["login", ...(asked === undefined ? [] : [asked])].join(",") }),
  };
}

async function openWayC({ hookPort, fail, sites }: StageOptions, run: string): Promise<StageDoor> {
  const directory = await mkdtemp(join(tmpdir(), "nodoff-traefik-"));
  const failOpen = fail === "open" ? await openFailOpen() : undefined;
  const hook = failOpen === undefined ? "" : `?hook=http://${failOpen.inner}`;
  const kit = await wayC({ hookPort, run });
  const args = kit.map((text) => text.replace("/traefik/config", `/traefik/config${hook}`));
  if (failOpen !== undefined) {
    const file = adapt(failOpen.file, { "service: nodoff\n": "service: nodoff@http\n" });
    await writeFile(join(directory, "fail-open.yml"), file);
    args.push(`--providers.file.directory=${directory}`, "--providers.file.watch=false", ...failOpen.args);
  }
  const traefik = await startTraefik(args, { directory });
  for (const { alias } of sites) await traefik.routed(`${alias}@http`);
  return traefik;
}

/** Ways a and d: Traefik's Docker provider, whose API says when it knows of a start. */
async function prepareDocker(way: "a" | "d"): Promise<PreparedStage> {
  const fallback = await freePort();
  const doors: Traefik[] = [];
  const api = await openApiOfAll(doors);
  let run = "";
  let left = 3;
  return {
    config: {
      ...twice,
      ...(way === "d" && { listen: { fallback: `127.0.0.1:${fallback}` } }),
      signals: { traefik: { api_url: api.url } },
    },
    async labels(site) {
      run = site.run;
      return labelsOf(way, site);
    },
    async open(options) {
      const { traefik, door } = await openDocker(way, { ...options, run, fallback });
      doors.push(traefik);
      return {
        ...door,
        async close() {
          await door.close();
          if (--left === 0) await api.close();
        },
      };
    },
  };
}

interface DockerOptions extends StageOptions {
  readonly run: string;
  readonly fallback: number;
}

async function openDocker(
  way: "a" | "d",
  { hookPort, fail, sites, run, fallback }: DockerOptions,
): Promise<{ traefik: Traefik; door: StageDoor }> {
  const directory = await mkdtemp(join(tmpdir(), "nodoff-traefik-"));
  const failOpen = fail === "open" ? await openFailOpen() : undefined;
  const hook = `127.0.0.1:${hookPort}`;
  const inner: Record<string, string> =
    way === "a"
      ? {}
      : {
          // nodoff runs on the host here: by its ports alone Traefik would look for it in the container.
          'loadbalancer.server.port: "8091"': `loadbalancer.server.url: http://127.0.0.1:${fallback}`,
          'loadbalancer.server.port: "8090"': `loadbalancer.server.url: http://${hook}`,
        };
  const labels = await readLabels(`compose.way-${way}.yml`, "nodoff", { "nodoff:8090": hook, ...inner });
  if (way === "a") {
    delete labels["traefik.http.services.nodoff.loadbalancer.server.port"];
    labels["traefik.http.services.nodoff.loadbalancer.server.url"] = `http://${hook}`;
  }
  const files = [`--providers.file.directory=${directory}`, "--providers.file.watch=false", ...(failOpen?.args ?? [])];
  if (failOpen !== undefined) {
    labels["traefik.http.middlewares.nodoff.forwardauth.address"] = `http://${failOpen.inner}/auth/traefik`;
    const file = adapt(failOpen.file, { "service: nodoff\n": "service: nodoff@docker\n" });
    await writeFile(join(directory, "fail-open.yml"), file);
  }
  const { run: own, carrier } = await carryLabels(labels);
  const label = (value: string): string => `Label(\`nodoff-test.run\`,\`${value}\`)`;
  const traefik = await startTraefik(
    [
      "--providers.docker=true",
      "--providers.docker.exposedbydefault=false",
      `--providers.docker.constraints=${label(own)} || ${label(run)}`,
      ...(failOpen === undefined ? [] : files),
    ],
    { directory },
  );
  await traefik.routed("nodoff-pages@docker");
  if (way === "a") for (const { alias } of sites) await traefik.routed(`${alias}@docker`);
  const door: StageDoor = {
    port: traefik.port,
    tlsPort: traefik.tlsPort,
    resends: true,
    asleep: async (alias) => {
      await until(`Traefik without the server of ${alias}`, async () => {
        const answer = await fetch(`${traefik.apiUrl}/api/http/services/${alias}@docker`);
        if (!answer.ok) return true;
        return (await answer.text()).includes('"url":"http') ? undefined : true;
      });
    },
    async close() {
      await traefik.close();
      await carrier.remove();
    },
  };
  return { traefik, door };
}

/** Stands for the API of one Traefik where a stage has several: what it shows is what the last of them knows. */
async function openApiOfAll(doors: readonly Traefik[]): Promise<{ url: string; close(): Promise<unknown> }> {
  const server = createServer((req, res) => {
    const answers = doors.map(async ({ apiUrl }) => {
      const answer = await fetch(`${apiUrl}${req.url ?? "/"}`);
      return { status: answer.status, text: await answer.text() };
    });
    Promise.all(answers).then(
      (all) => {
        const last = all.find(({ text }) => !text.includes('"UP"')) ?? all[0];
        res.writeHead(last?.status ?? 503).end(last?.text);
      },
      () => res.writeHead(503).end(),
    );
  });
  const port = await freePort();
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${port}`,
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    },
  };
}
