import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type App, openDocker } from "./docker.ts";
import { freePort } from "./child.ts";
import { openEngineView } from "./engine-view.ts";

/** Containers of one test, and the engine as nodoff and Traefik see it: with nothing else on it. */
export interface LabelledEngine {
  readonly url: string;
  /** Argument by which Traefik sees these containers only, besides `expression`. */
  constraint(expression?: string): string;
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
    constraint: (expression) =>
      `--providers.docker.constraints=${[`Label(\`nodoff-test.run\`,\`${run}\`)`, ...(expression === undefined ? [] : [expression])].join(" && ")}`,
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
