import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type App, openDocker } from "./docker.ts";
import { freePort } from "./child.ts";
import { parse } from "yaml";
import { adapt, readKit } from "./kit.ts";
import { openEngineView } from "./engine-view.ts";

/** Containers of one test, and the engine as nodoff and Traefik see it: with nothing else on it. */
export interface LabelledEngine {
  readonly url: string;
  /** The value of the label `nodoff-test.run` they all have. */
  readonly run: string;
  createApp(labels: Readonly<Record<string, string>>, env?: Readonly<Record<string, string>>): Promise<App>;
  close(): Promise<void>;
}

export async function openLabelledEngine(): Promise<LabelledEngine> {
  const run = `run-${process.pid}-${await freePort()}`;
  const directory = await mkdtemp(join(tmpdir(), "nodoff-engine-"));
  const view = await openEngineView(join(directory, "docker.sock"), `nodoff-test.run=${run}`);
  const { createApp } = await openDocker();
  const apps: App[] = [];
  return {
    url: `unix://${join(directory, "docker.sock")}`,
    run,
    async createApp(labels, env = {}) {
      const app = await createApp({ labels: { ...labels, "nodoff-test.run": run }, env });
      apps.push(app);
      return app;
    },
    async close() {
      await Promise.all(apps.map((app) => app.remove()));
      await view.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** The arguments of compose.way-c.yml that make way c, for a Traefik that sees one run's containers only. */
export async function wayC(options: { readonly hookPort: number; readonly run: string }): Promise<string[]> {
  const compose = parse(await readKit("traefik/compose.way-c.yml")) as {
    readonly services: { readonly traefik: { readonly command: readonly string[] } };
  };
  const command = compose.services.traefik.command.filter((text) => text.startsWith("--providers."));
  const text = adapt(command.join("\n"), {
    "http://nodoff:8090": `http://127.0.0.1:${options.hookPort}`,
    "constraints=": `constraints=Label(\`nodoff-test.run\`,\`${options.run}\`) && `,
  });
  return [...text.split("\n"), "--providers.http.pollinterval=1s"];
}
