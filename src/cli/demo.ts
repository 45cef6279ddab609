import { createServer } from "node:net";
import { loadConfig } from "../config/load.ts";
import type { JournalEvent } from "../core/journal.ts";
import { demoApp } from "./assets.ts";
import { defineCommand } from "./command.ts";
import { startApp, untilStopped } from "./serve.ts";
import { exitCodes, type World } from "./world.ts";

const bootMs = 2_500;

/** Shows the whole job without an engine: a small web app as a process behind nodoff's own proxy. */
export const demo = defineCommand({
  about:
    "A small web app as a process behind nodoff's own proxy, at 127.0.0.1. PORT chooses the port, else a free one is taken.",
  options: {},
  async run(_call, world) {
    const text = toConfigText({ port: await freePort(), world });
    const load = (): ReturnType<typeof loadConfig> => loadConfig({ file: "demo.yaml", env: {}, readFile: () => text });
    const loaded = load();
    if (!loaded.ok) throw new Error(loaded.errors.map(({ key, message }) => `${key}: ${message}`).join("; "));
    const app = await startApp({ file: null, load, config: loaded.config, write: () => undefined }, world);
    app.journal.subscribe((event) => tell(event, world), "demo");
    world.out(`nodoff demo: open http://127.0.0.1:${app.proxy?.port}/`);
    world.out(
      "The service behind it is asleep. Opening the page wakes it; after 20 s without a request it sleeps again.",
    );
    world.out("Press Ctrl-C to end.");
    await untilStopped(world.stop);
    await app.close();
    return exitCodes.done;
  },
});

function toConfigText({ port, world }: { readonly port: number; readonly world: World }): string {
  const command = JSON.stringify([world.execPath, demoApp()]);
  return `
listen: { hook: "127.0.0.1:0", proxy: "127.0.0.1:${world.env["PORT"] ?? "0"}" }
state_dir: ${JSON.stringify(`${world.env["TMPDIR"] ?? "/tmp"}/nodoff-demo`)}
providers: { here: { type: process } }
workloads:
  demo:
    process: { command: ${command}, env: { PORT: "${port}", BOOT_MS: "${bootMs}" } }
    display_name: Demo
    host: "*"
    upstream: "http://127.0.0.1:${port}"
    idle_timeout: 20s
    loading: { show_logs: true }
`;
}

function tell(event: JournalEvent, world: World): void {
  const line = toLine(event);
  if (line !== null) world.out(`${new Date(event.at).toLocaleTimeString()}  ${line}`);
}

/** The steps worth a line; state changes say the same in the engine's words. */
function toLine({ type, step, message, state }: JournalEvent): string | null {
  if (type === "sleep") return message;
  if (type === "state") return state === "napping" ? "asleep: the next request wakes it" : null;
  switch (step) {
    case "starting":
      return "a request came: waking";
    case "started":
      return "process started";
    case "waiting_ready":
      return "waiting until it answers";
    case "ready":
      return "ready: requests go through";
    case "error":
      return `failed: ${message}`;
    case "stopped":
      return "nobody used it for 20 s: going to sleep";
    default:
      return null;
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}
