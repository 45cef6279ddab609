import type { StopMethod } from "../../src/core/spec.ts";

/** One process that nodoff wakes and puts to sleep. */
export interface Sleeper {
  readonly alias: string;
  readonly port: number;
  readonly method: StopMethod;
}

/** Answers with its pid after a short while of booting, echoes one WebSocket frame's worth of upgrade, nothing more. */
const app = `
const server = require("node:http").createServer((req, res) => res.end(String(process.pid)));
server.on("upgrade", (req, socket) => {
  socket.end("HTTP/1.1 101 Switching Protocols\\r\\nConnection: Upgrade\\r\\nUpgrade: echo\\r\\n\\r\\nhello");
});
setTimeout(() => server.listen(Number(process.env.PORT), "127.0.0.1"), 50);
`;

/** nodoff.yaml for them; `idleS` changes with each reload. */
export function toConfigText(
  sleepers: readonly Sleeper[],
  options: { readonly idleS: number; readonly stateDir: string; readonly execPath: string },
): string {
  const workloads = sleepers.map(({ alias, port, method }) => [
    alias,
    {
      process: { command: [options.execPath, "-e", app], env: { PORT: String(port) } },
      host: `${alias}.test`,
      upstream: `http://127.0.0.1:${port}`,
      stop_method: method,
    },
  ]);
  return JSON.stringify({
    listen: { hook: "127.0.0.1:0", proxy: "127.0.0.1:0" },
    state_dir: options.stateDir,
    log: { level: "warn", format: "json" },
    limits: { status_per_client: "1000/1s" },
    providers: { here: { type: "process" } },
    defaults: { idle_timeout: `${options.idleS}s`, min_awake: "1s", hold: "20s" },
    workloads: Object.fromEntries(workloads),
  });
}
