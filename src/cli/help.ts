import type { Command, CommandRow, Options } from "./command.ts";
import { commonOptions } from "./options.ts";
import { toColumns } from "./paint.ts";
import { exitCodeTexts } from "./world.ts";

const exitCodeLine = `Exit codes: ${exitCodeTexts.map((text, code) => `${code} ${text}`).join(", ")}`;

/** `nodoff --help`. */
export function toOverview(commands: readonly CommandRow[]): string {
  return [
    "nodoff puts services to sleep when nobody uses them and wakes them on the first request.",
    "",
    "Usage: nodoff [command] [options]",
    "",
    "Commands",
    ...columns(commands.map(({ name, summary }) => [name, summary])),
    "",
    "Options",
    ...optionLines(commonOptions),
    "",
    "nodoff help COMMAND tells more of each.",
    exitCodeLine,
  ].join("\n");
}

/** `nodoff help NAME`. */
export function toManual({ name, summary }: CommandRow, command: Command): string {
  const words = command.arguments ?? [];
  const examples = command.examples ?? [];
  return [
    `nodoff ${name}: ${summary}`,
    "",
    `Usage: ${toUsage(name, command)}`,
    "",
    ...wrap(command.about),
    ...section("Arguments", columns(words.map((word) => [word.name, toArgumentHelp(word)]))),
    ...section("Options", optionLines({ ...command.options, help: commonOptions.help })),
    ...section(
      "Examples",
      examples.map((line) => `  nodoff ${line}`),
    ),
    "",
    exitCodeLine,
  ].join("\n");
}

/** `nodoff wake ALIAS… [options]`. */
export function toUsage(name: string, { arguments: words = [], options }: Command): string {
  const shown = words.map(({ name: word, optional, many }) => {
    const text = many === true ? `${word}…` : word;
    return optional === true ? `[${text}]` : text;
  });
  const rest = Object.keys(options).length === 0 ? [] : ["[options]"];
  return ["nodoff", name, ...shown, ...rest].join(" ");
}

function toArgumentHelp({ help, choices }: NonNullable<Command["arguments"]>[number]): string {
  return choices === undefined ? help : `${help}: ${choices.join(", ")}`;
}

/** `  -f, --follow` and `  --config FILE`, each with what it does. */
function optionLines(options: Options): readonly string[] {
  return columns(
    Object.entries(options).map(([name, { value, short, help }]) => {
      const long = value === undefined ? `--${name}` : `--${name} ${value}`;
      return [short === undefined ? long : `-${short}, ${long}`, help];
    }),
  );
}

function section(title: string, lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : ["", title, ...lines];
}

function columns(rows: readonly (readonly [string, string])[]): readonly string[] {
  return toColumns(rows).map((line) => `  ${line}`);
}

/** Paragraphs at most as wide as a terminal usually is. */
function wrap(text: string): readonly string[] {
  return text.split("\n").flatMap((paragraph) => {
    const lines: string[] = [""];
    for (const word of paragraph.split(" ")) {
      const line = lines.at(-1) ?? "";
      if (line !== "" && line.length + word.length >= 100) lines.push(word);
      else lines[lines.length - 1] = line === "" ? word : `${line} ${word}`;
    }
    return lines;
  });
}
