import type { Command, CommandRow, Options } from "../../src/cli/command.ts";
import { commands } from "../../src/cli/commands.ts";
import { toUsage } from "../../src/cli/help.ts";
import { clientOptions, jsonOption } from "../../src/cli/options.ts";
import { exitCodeTexts } from "../../src/cli/world.ts";
import { type Page, toTable } from "./page.ts";

/** docs/cli.md: every command. */
export async function cliPage(): Promise<Page> {
  const loaded = await Promise.all(commands.map(async (row) => ({ row, command: await row.load() })));
  const lines = [
    "# Commands",
    "",
    "<!-- Made from src/cli by `npm run docs`. -->",
    "",
    "`nodoff [command] [options]`; from a checkout `npm start -- [command] [options]`, in compose `docker compose exec nodoff nodoff [command]`. `nodoff help COMMAND` says what is",
    "here. Commands that ask a running nodoff find it where the configuration makes it listen, with the token of the configuration; elsewhere say",
    "`--url` and `--token`, or NODOFF_URL and NODOFF_TOKEN.",
    "",
    ...toTable(
      ["command", "what"],
      loaded.map(({ row }) => [`[\`${row.name}\`](#nodoff-${row.name.replaceAll(" ", "-")})`, row.summary]),
    ),
    "",
    "Text is for people: colours only on a terminal (never with NO_COLOR), answers to standard output, what went wrong to standard error.",
    "Scripts use `--json` and the exit code:",
    "",
    ...toTable(
      ["exit code", "means"],
      exitCodeTexts.map((text, code) => [String(code), text]),
    ),
    "",
    "Options that mean the same everywhere:",
    "",
    ...optionTable({ ...clientOptions, ...jsonOption }),
    ...loaded.flatMap(({ row, command }) => sectionOf(row, command)),
    "",
  ];
  return { path: "docs/cli.md", text: lines.join("\n") };
}

function sectionOf({ name, summary }: CommandRow, command: Command): readonly string[] {
  const common = Object.keys({ ...clientOptions, ...jsonOption });
  const own = Object.fromEntries(Object.entries(command.options).filter(([option]) => !common.includes(option)));
  const shared = common.filter((option) => Object.hasOwn(command.options, option));
  const words = command.arguments ?? [];
  const examples = command.examples ?? [];
  return [
    "",
    `## \`nodoff ${name}\``,
    "",
    `${summary.charAt(0).toUpperCase()}${summary.slice(1)}. ${command.about}`,
    "",
    "```",
    toUsage(name, command),
    ...examples.map((line) => `nodoff ${line}`),
    "```",
    ...block(words.map(({ name: word, help, choices = [] }) => [`\`${word}\``, [help, ...choices].join(", ")])),
    ...(Object.keys(own).length === 0 ? [] : ["", ...optionTable(own)]),
    ...(shared.length === 0 ? [] : ["", `Also ${shared.map((option) => `\`--${option}\``).join(", ")}.`]),
  ];
}

function block(rows: readonly (readonly string[])[]): readonly string[] {
  return rows.length === 0 ? [] : ["", ...toTable(["word", "what"], rows)];
}

function optionTable(options: Options): readonly string[] {
  const rows = Object.entries(options).map(([name, { value, short, help }]) => {
    const long = value === undefined ? `--${name}` : `--${name} ${value}`;
    return [`\`${short === undefined ? long : `-${short}, ${long}`}\``, help];
  });
  return toTable(["option", "what"], rows);
}
