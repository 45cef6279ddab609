import { formatConfigError } from "../config/load.ts";
import { readKeptToken } from "../app-admin.ts";
import { defineCommand } from "./command.ts";
import { toConfigSource } from "./config-source.ts";
import { CommandFailure } from "./failure.ts";
import { configOption } from "./options.ts";
import { exitCodes } from "./world.ts";

export const token = defineCommand({
  about:
    "The token of the configuration, else the one nodoff made at its first start and keeps in state_dir. Whoever has it may do everything.",
  options: configOption,
  examples: ["token > token.txt"],
  async run({ options }, world) {
    const loaded = toConfigSource(options, world).load();
    if (!loaded.ok) {
      for (const error of loaded.errors) world.err(formatConfigError(error));
      return exitCodes.configInvalid;
    }
    const { admin, stateDir } = loaded.config;
    const found = admin.token ?? readKeptToken(stateDir);
    if (found === null) {
      const mend = "start nodoff once, or set admin.token; only who runs nodoff may read the one it made";
      throw new CommandFailure(`there is no admin token: ${mend}`, exitCodes.failed);
    }
    world.out(found);
    return exitCodes.done;
  },
});
