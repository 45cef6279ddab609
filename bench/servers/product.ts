/** nodoff itself, put together by src/app.ts from a configuration file, plus answers about its own CPU, memory and sweeps. */
import { createApp } from "../../src/app.ts";
import { dashboardPlaces, templatesFolder } from "../../src/cli/assets.ts";
import { createLogger } from "../../src/telemetry/logger.ts";
import { answerQuestions, cpuUs, settle } from "../ipc.ts";
import { createBenchClock } from "./bench-clock.ts";
import { loadGiven } from "./load.ts";

const config = loadGiven(process.argv[2]);
const clock = createBenchClock();
const { level } = config.log;
const app = await createApp({
  version: "bench",
  config,
  file: null,
  load: () => ({ ok: true, config }),
  env: {},
  kill: (pid, signal) => void process.kill(pid, signal),
  inContainer: false,
  templates: templatesFolder(),
  brands: null,
  dashboard: dashboardPlaces(),
  configSchema: {},
  clock,
  out: () => undefined,
  // Formatted as ever, then dropped: where lines go is not ours to measure. Errors are shown.
  logger: createLogger({
    level,
    format: "json",
    isTerminal: false,
    write: (line) => line.includes('"level":"error"') && console.error(line),
  }),
});

answerQuestions(
  { port: app.hook.port },
  {
    cpu: cpuUs,
    settle,
    /** Bytes in use after a collection. */
    heap() {
      settle();
      return process.memoryUsage().heapUsed;
    },
    /** How often the system took the processor away from it. */
    preempted: () => process.resourceUsage().involuntaryContextSwitches,
    rss: () => process.memoryUsage.rss(),
    sweeps: clock.sweeps,
    hold: clock.hold,
    release: clock.release,
  },
);
