import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { createPreview } from "../app-pages.ts";
import { themeNames } from "../core/pages.ts";
import { listen } from "../net/listen.ts";
import { systemClock } from "../system-clock.ts";
import { brandIcons, templatesFolder } from "./assets.ts";
import { defineCommand } from "./command.ts";
import { CommandFailure, usageFailure } from "./failure.ts";
import { untilStopped } from "./serve.ts";
import { exitCodes } from "./world.ts";

export const themePreview = defineCommand({
  about:
    "Shows every kind of page of a theme at 127.0.0.1, and again at each change of its files: a wake with all its steps, failures, " +
    "refusals, in every language, light and dark. What is wrong with the theme is told; the page is then the default one.",
  arguments: [
    {
      name: "THEME",
      help: `${themeNames.join(", ")}, or the folder of a theme; default: ${themeNames[0]}`,
      optional: true,
    },
  ],
  options: { port: { value: "PORT", help: "port to listen on, else a free one" } },
  examples: ["theme preview ./theme", "theme preview terminal --port 8099"],
  async run({ args: [named = themeNames[0]], options }, world) {
    const port = Number(options.port ?? 0);
    if (!Number.isInteger(port) || port < 0 || port > 65_535)
      throw usageFailure(`"${options.port}" is not a port`, "theme preview");
    const theme = themeNames.some((name) => name === named) ? named : resolve(named);
    if (theme !== named && !existsSync(theme))
      throw new CommandFailure(`there is no folder ${theme}`, exitCodes.failed);
    const tell = (problem: string | null): void => world.err(problem ?? "the theme is right again");
    const preview = createPreview({ dir: templatesFolder(), brands: brandIcons(), theme, clock: systemClock, tell });
    const at = await listen(preview.server, { host: "127.0.0.1", port });
    world.out(`pages of ${named}: http://127.0.0.1:${at.port}/`);
    world.out("Press Ctrl-C to end.");
    await untilStopped(world.stop);
    preview.close();
    return exitCodes.done;
  },
});
