import { parseArgs } from "node:util";
import { NodoffError } from "../core/errors.ts";
import { version } from "./assets.ts";
import { type CommandOptions, type ExitCode, exitCodes, type World } from "./world.ts";

const help = `nodoff puts services to sleep when nobody uses them and wakes them on the first request.

Usage: nodoff [command] [options]

Commands
  serve         run (the default)
  demo          show the whole job with a small web app, without any engine
  check         validate the configuration; print routes, workloads and activity signals
  healthcheck   ask a running nodoff whether it is alive
  notify test   let a running nodoff send a test notice to each receiver

Options
  --config FILE   nodoff.yaml to use (else NODOFF_CONFIG, ./nodoff.yaml, /etc/nodoff/nodoff.yaml)
  --json          output for scripts (check, notify test)
  --url URL       address of the running nodoff (healthcheck, notify test; else NODOFF_URL)
  --token TOKEN   its admin token (notify test; else NODOFF_TOKEN, else that of the configuration)
  --version       print the version
  --help          print this

Exit codes: 0 done, 1 failed, 2 usage, 3 configuration invalid, 4 not reachable`;

/** Loaded when asked for: each brings only the libraries it needs. */
const commands: Readonly<Record<string, (options: CommandOptions, world: World) => Promise<ExitCode>>> = {
  serve: async (options, world) => (await import("./serve.ts")).serve(options, world),
  check: async (options, world) => (await import("./check.ts")).check(options, world),
  healthcheck: async (options, world) => (await import("./healthcheck.ts")).healthcheck(options, world),
  "notify test": async (options, world) => (await import("./notify-test.ts")).notifyTest(options, world),
  demo: async (_options, world) => (await import("./demo.ts")).demo(world),
};

/** Runs one command line and says how the process should end. */
export async function run(world: World): Promise<ExitCode> {
  let parsed;
  try {
    parsed = parseArgs({
      args: [...world.argv],
      allowPositionals: true,
      options: {
        config: { type: "string" },
        json: { type: "boolean", default: false },
        url: { type: "string" },
        token: { type: "string" },
        version: { type: "boolean", default: false },
        help: { type: "boolean", short: "h", default: false },
      },
    });
  } catch (error) {
    return usage(error instanceof Error ? error.message : String(error), world);
  }
  const { values, positionals } = parsed;
  if (values.help) world.out(help);
  else if (values.version) world.out(version());
  if (values.help || values.version) return exitCodes.done;
  const { name, rest } = toCommand(positionals);
  const command = commands[name];
  if (command === undefined) return usage(`there is no command "${name}"`, world);
  if (rest.length > 0) return usage(`${name} takes no "${rest[0]}"`, world);
  const { config, json, url, token } = values;
  try {
    return await command({ config, json, url, token }, world);
  } catch (error) {
    // What a user can mend is one line; a trace is for defects of ours.
    if (!(error instanceof NodoffError)) throw error;
    world.err(error.message);
    return error.code === "CONFIG_INVALID" ? exitCodes.configInvalid : exitCodes.failed;
  }
}

/** A command's name may have two words. */
function toCommand([name = "serve", ...rest]: readonly string[]): {
  readonly name: string;
  readonly rest: readonly string[];
} {
  const [second, ...others] = rest;
  const both = `${name} ${second}`;
  return Object.hasOwn(commands, both) ? { name: both, rest: others } : { name, rest };
}

function usage(message: string, world: World): ExitCode {
  world.err(`nodoff: ${message}`);
  world.err("Try: nodoff --help");
  return exitCodes.usage;
}
