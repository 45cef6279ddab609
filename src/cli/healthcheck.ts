import { get } from "node:http";
import { formatListenAddress } from "../net/listen.ts";
import { type CommandOptions, type ExitCode, exitCodes, type World } from "./world.ts";

const timeoutMs = 3_000;

/** Asks a running nodoff whether it is alive: at `--url`, else where this configuration makes it listen. */
export async function healthcheck(options: CommandOptions, world: World): Promise<ExitCode> {
  const base = options.url ?? world.env["NODOFF_URL"] ?? (await ownUrl(options, world));
  if (!URL.canParse("/healthz", base)) {
    world.err(`nodoff: "${base}" is not a URL such as http://127.0.0.1:8090`);
    return exitCodes.usage;
  }
  try {
    const status = await ask(new URL("/healthz", base));
    world.out(status === 200 ? "alive" : `answered ${status}`);
    return status === 200 ? exitCodes.done : exitCodes.failed;
  } catch (error) {
    world.err(`not reachable at ${base}: ${error instanceof Error ? error.message : String(error)}`);
    return exitCodes.notReachable;
  }
}

/** Addresses that stand for all of this machine's: loopback is one of them. */
const anyAddress: ReadonlySet<string> = new Set(["0.0.0.0", "::"]);

async function ownUrl(options: CommandOptions, world: World): Promise<string> {
  // Run every few seconds by container engines: what is not needed is not loaded.
  const { toConfigSource } = await import("./config-source.ts");
  const loaded = toConfigSource(options, world).load();
  const { host, port } = loaded.ok ? loaded.config.listen.hook : { host: null, port: 8090 };
  const reachable = host === null || anyAddress.has(host) ? "127.0.0.1" : host;
  return `http://${formatListenAddress({ host: reachable, port })}`;
}

function ask(url: URL): Promise<number> {
  return new Promise((resolve, reject) => {
    const request = get(url, { agent: false, timeout: timeoutMs }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    request.on("timeout", () => request.destroy(new Error(`no answer within ${timeoutMs / 1000} s`)));
    request.on("error", reject);
  });
}
