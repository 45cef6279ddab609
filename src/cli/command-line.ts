import { parseArgs, type ParseArgsOptionsConfig } from "node:util";
import { didYouMean } from "../config/suggest.ts";
import type { Argument, Call, Command, CommandRow, Options } from "./command.ts";
import { usageFailure } from "./failure.ts";
import { clientOptions, commonOptions, jsonOption } from "./options.ts";

/** Which command a command line is for. */
export interface Named {
  readonly row: CommandRow;
  /** What is left of the command line without the command's name. */
  readonly argv: readonly string[];
}

/** What may stand before the command's name: options nearly all commands have. */
const early = { ...clientOptions, ...jsonOption, ...commonOptions };

/**
 * Finds the command a line names: the longest of the table its first words are, `serve` where there are none.
 * @throws CommandFailure for a name that is none.
 */
export function findCommand(argv: readonly string[], commands: readonly CommandRow[]): Named {
  const { tokens } = parseArgs({ args: [...argv], options: toConfig(early), strict: false, tokens: true });
  const words = tokens.filter((token) => token.kind === "positional" && !isEnded(tokens, token.index));
  const [first, second] = words.map(({ index }) => ({ index, word: argv[index] ?? "" }));
  const both = commands.find(({ name }) => first !== undefined && name === `${first.word} ${second?.word ?? ""}`);
  if (both !== undefined) return { row: both, argv: without(argv, first?.index, second?.index) };
  const name = first?.word ?? "serve";
  const row = commands.find((command) => command.name === name);
  if (row !== undefined) return { row, argv: without(argv, first?.index) };
  const family = commands.filter((command) => command.name.startsWith(`${name} `));
  if (family.length > 0) throw usageFailure(`${name} needs one more word: ${family.map((c) => c.name).join(", ")}`);
  const names = commands.map((command) => command.name);
  throw usageFailure(`there is no command "${name}"${didYouMean(name, names)}`);
}

/** Words after a `--` name no command. */
function isEnded(tokens: readonly { readonly kind: string; readonly index: number }[], index: number): boolean {
  return tokens.some((token) => token.kind === "option-terminator" && token.index < index);
}

function without(argv: readonly string[], ...places: readonly (number | undefined)[]): readonly string[] {
  return argv.filter((_, place) => !places.includes(place));
}

/**
 * Options and words of one command.
 * @throws CommandFailure for what it does not take, with what may have been meant.
 */
export function readCall({ row, argv }: Named, command: Command): Call<Options> {
  const parsed = parse(argv, row, { ...command.options, ...commonOptions });
  const args = readArguments(parsed.positionals, row.name, command.arguments ?? []);
  return { args, options: parsed.values };
}

function parse(argv: readonly string[], { name }: CommandRow, options: Options) {
  // Told apart here: the words of parseArgs speak to programmers.
  const { tokens } = parseArgs({ args: [...argv], options: toConfig(options), strict: false, tokens: true });
  for (const token of tokens) if (token.kind === "option") checkOption(token, name, options);
  const { values, positionals } = parseArgs({ args: [...argv], options: toConfig(options), allowPositionals: true });
  const given = Object.entries(options).map(([key, { value }]) => [
    key,
    value === undefined ? values[key] === true : values[key],
  ]);
  return { positionals, values: Object.fromEntries(given) as Call<Options>["options"] };
}

interface OptionToken {
  readonly name: string;
  readonly rawName: string;
  readonly value: string | undefined;
  readonly inlineValue: boolean | undefined;
}

function checkOption({ name, rawName, value, inlineValue }: OptionToken, command: string, options: Options): void {
  const option = Object.hasOwn(options, name) ? options[name] : undefined;
  if (option === undefined) {
    const hint = rawName.startsWith("--") ? didYouMean(name, Object.keys(options)) : "";
    throw usageFailure(`${command} has no option ${rawName}${hint}`, command);
  }
  if (option.value === undefined && value !== undefined) throw usageFailure(`${rawName} takes no value`, command);
  if (option.value === undefined) return;
  const wanted = `${rawName} needs a value: ${rawName} ${option.value}`;
  if (value === undefined || value === "") throw usageFailure(wanted, command);
  // What follows was hardly meant: `--config --json`.
  if (inlineValue === false && value.startsWith("-") && value !== "-")
    throw usageFailure(`${wanted} (one that begins with "-": ${rawName}=${value})`, command);
}

function readArguments(words: readonly string[], command: string, wanted: readonly Argument[]): readonly string[] {
  const missing = wanted.find(({ optional }, place) => optional !== true && place >= words.length);
  if (missing !== undefined) throw usageFailure(`${command} needs ${missing.name}: ${missing.help}`, command);
  for (const [place, word] of words.entries()) {
    const argument = wanted[place] ?? wanted.findLast(({ many }) => many === true);
    if (argument === undefined) throw usageFailure(`${command} takes no "${word}"`, command);
    const { choices } = argument;
    if (choices === undefined || choices.includes(word)) continue;
    const meant = didYouMean(word, choices);
    throw usageFailure(`${argument.name} is one of ${choices.join(", ")}, not "${word}"${meant}`, command);
  }
  return words;
}

function toConfig(options: Options): ParseArgsOptionsConfig {
  const entries = Object.entries(options).map(([name, { value, short }]) => [
    name,
    { type: value === undefined ? "boolean" : "string", ...(short === undefined ? {} : { short }) },
  ]);
  return Object.fromEntries(entries) as ParseArgsOptionsConfig;
}
