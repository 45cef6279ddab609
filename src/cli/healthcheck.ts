import { get } from "node:http";
import { ownUrl } from "./own-url.ts";
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
