import { readFileSync } from "node:fs";
import { stringify } from "yaml";
import { listContainers } from "../app-migrate.ts";
import { readComposeFile } from "../config/compose-file.ts";
import { formatConfigError } from "../config/load.ts";
import { migrateLabels, type Migration } from "../config/migrate.ts";
import { toFailure } from "../core/errors.ts";
import { toConfigSource } from "./config-source.ts";
import { defineCommand } from "./command.ts";
import { CommandFailure } from "./failure.ts";
import { configOption, jsonOption } from "./options.ts";
import { exitCodes, type World } from "./world.ts";

const systemNames = { dag: "docker-gateway", sablier: "Sablier", godoxy: "GoDoxy" } as const;

/** Says in nodoff's labels what those of other systems say. */
export const migrate = defineCommand({
  about:
    "Reads the labels of Sablier, GoDoxy and docker-gateway, of a compose file or of all containers of the Docker engines " +
    "in the configuration, and prints nodoff's labels that say the same, with a report of what has no counterpart. " +
    "Changes nothing. Ends with 3 where a label is wrong and 4 where an engine does not answer.",
  arguments: [{ name: "COMPOSE_FILE", help: "read this compose file instead of the engines", optional: true }],
  options: {
    domains: { value: "DOMAINS", help: "what GoDoxy's short aliases are completed with, such as example.com" },
    ...configOption,
    ...jsonOption,
  },
  examples: ["migrate", "migrate compose.yaml > nodoff-labels.yaml", "migrate compose.yaml --domains example.com"],
  async run({ args: [file], options }, world) {
    const containers = file === undefined ? await readEngines(options, world) : readFile(file, world);
    const domains = (options.domains ?? "").split(",").filter((domain) => domain !== "");
    const migrations = migrateLabels(containers, { domains });
    if (options.json) world.out(JSON.stringify({ containers: migrations }, null, 2));
    else print(migrations, world);
    return migrations.some(({ errors }) => errors.length > 0) ? exitCodes.configInvalid : exitCodes.done;
  },
});

function readFile(file: string, world: World): ReturnType<typeof readComposeFile> {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    const { message } = toFailure(error);
    throw new CommandFailure(`${file} cannot be read: ${message}`, exitCodes.configInvalid);
  }
  try {
    return readComposeFile(text, world.env);
  } catch (error) {
    throw new CommandFailure(`${file} ${toFailure(error).message}`, exitCodes.configInvalid);
  }
}

async function readEngines(
  options: { readonly config: string | undefined },
  world: World,
): ReturnType<typeof listContainers> {
  const loaded = toConfigSource(options, world).load();
  if (!loaded.ok) throw new CommandFailure(loaded.errors.map(formatConfigError).join("\n"), exitCodes.configInvalid);
  try {
    return await listContainers(loaded.config, world);
  } catch (error) {
    throw new CommandFailure(toFailure(error).message, exitCodes.notReachable);
  }
}

/** What is to be written goes to standard output, so that it can be kept in a file; the report beside it. */
function print(migrations: readonly Migration[], world: World): void {
  if (migrations.length === 0) return world.err("no labels of Sablier, GoDoxy or docker-gateway");
  const services: Record<string, { readonly labels: Migration["labels"] }> = {};
  for (const { name, system, labels, replaced, notes, errors } of migrations) {
    const isMoved = Object.keys(labels).length > 0 && errors.length === 0;
    if (isMoved) services[name] = { labels };
    world.err(`${name}: ${systemNames[system]}${isMoved ? "" : errors.length > 0 ? ", wrong" : ", left alone"}`);
    for (const { key, message } of errors) world.err(`  error ${key}: ${message}`);
    for (const { key, message } of notes) world.err(`  no counterpart: ${key}: ${message}`);
    if (isMoved) world.err(`  take out: ${replaced.join(", ")}`);
  }
  if (Object.keys(services).length > 0) world.out(stringify({ services }, { lineWidth: 0 }).trimEnd());
}
