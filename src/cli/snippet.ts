import { inspectConfig } from "../app-check.ts";
import { formatConfigError } from "../config/load.ts";
import { formatListenAddress } from "../net/listen.ts";
import { defineCommand } from "./command.ts";
import { toConfigSource } from "./config-source.ts";
import { CommandFailure, usageFailure } from "./failure.ts";
import { configOption } from "./options.ts";
import { toCaddy } from "./snippet/caddy.ts";
import { toHaproxy } from "./snippet/haproxy.ts";
import { toNginx } from "./snippet/nginx.ts";
import { type SnippetInput, toSites, withoutAddress } from "./snippet/sites.ts";
import { toTraefik } from "./snippet/traefik.ts";
import { exitCodes } from "./world.ts";

interface Writer {
  write(input: SnippetInput): string;
  /** Whether it can go where nodoff says, so that nobody has to write an app's address. */
  readonly led: boolean;
}

const writers: Readonly<Record<string, Writer>> = {
  traefik: { write: toTraefik, led: false },
  caddy: { write: toCaddy, led: false },
  nginx: { write: toNginx, led: true },
  haproxy: { write: toHaproxy, led: true },
};

/** Prints what a proxy needs to know for this configuration. */
export const snippet = defineCommand({
  about:
    "Prints the proxy's side of this configuration: each route that has a host and sleeps, those of labels included, to copy or to " +
    "write to a file. Asks the engines what is there, changes nothing. Ends with 1 where the proxy needs an app's address " +
    "and nobody said it.",
  arguments: [{ name: "PROXY", help: "traefik, caddy, nginx or haproxy", choices: Object.keys(writers) }],
  options: {
    host: { help: "the proxy runs on the host: containers' names lead nowhere there" },
    nodoff: { value: "HOST:PORT", help: "nodoff as the proxy reaches it (nodoff:8090, with --host where it listens)" },
    "fail-open": { help: "what is awake stays reachable while nodoff is away" },
    ...configOption,
  },
  examples: ["snippet nginx --host", "snippet caddy --fail-open"],
  async run({ args: [name = ""], options }, world) {
    const writer = writers[name];
    if (writer === undefined) throw usageFailure(`no snippet for "${name}"`);
    const { file, load } = toConfigSource(options, world);
    const loaded = load();
    if (!loaded.ok) {
      for (const error of loaded.errors) world.err(formatConfigError(error));
      return exitCodes.configInvalid;
    }
    const inspected = await inspectConfig({ ...loaded, file: file ?? "nodoff.yaml" }, world);
    if (!inspected.reachable)
      throw new CommandFailure("not every engine answers: see nodoff check", exitCodes.notReachable);
    const sites = toSites(inspected, options.host ? "host" : "network");
    if (sites.length === 0)
      throw new CommandFailure("no route with a host has something that sleeps: see nodoff check");
    const { host, port } = loaded.config.listen.hook;
    const here = formatListenAddress({ host: host ?? "127.0.0.1", port });
    const nodoff = options.nodoff ?? (options.host ? here : `nodoff:${port}`);
    const unknown = writer.led ? [] : withoutAddress(sites);
    world.out(writer.write({ sites, nodoff, failOpen: options["fail-open"] }));
    for (const alias of unknown)
      world.err(
        `route ${alias}: nobody said where its app is; write it in place of ADDRESS:PORT, or say \`upstream:\``,
      );
    return unknown.length === 0 ? exitCodes.done : exitCodes.failed;
  },
});
