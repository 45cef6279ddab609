import { get } from "node:http";
import { defineCommand } from "./command.ts";
import { CommandFailure } from "./failure.ts";
import { urlOption } from "./options.ts";
import { showBase, toBase } from "./own-url.ts";
import { exitCodes } from "./world.ts";

const timeoutMs = 3_000;

export const healthcheck = defineCommand({
  about: "Needs no token and loads next to nothing: made for the health checks of container engines.",
  options: urlOption,
  async run({ options }, world) {
    const base = await toBase(options, world);
    let status;
    try {
      status = await ask(new URL("healthz", base));
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new CommandFailure(`not reachable at ${showBase(base)}: ${reason}`, exitCodes.notReachable);
    }
    world.out(status === 200 ? "alive" : `answered ${status}`);
    return status === 200 ? exitCodes.done : exitCodes.failed;
  },
});

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
