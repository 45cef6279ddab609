import { hashPassword } from "../app-admin.ts";
import { defineCommand } from "./command.ts";
import { CommandFailure } from "./failure.ts";
import { exitCodes } from "./world.ts";

export const hashPasswordCommand = defineCommand({
  about:
    "Reads the password from standard input, its first line, and prints what belongs under admin.users as password_hash: quote it there. A file or a pipe keeps it out of the shell's history.",
  options: {},
  examples: ["hash-password"],
  async run(_call, world) {
    const [password = ""] = (await world.input()).split(/\r?\n/);
    if (password === "") throw new CommandFailure("write the password to standard input", exitCodes.usage);
    world.out(await hashPassword(password));
    return exitCodes.done;
  },
});
