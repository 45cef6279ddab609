import type { ExitCode, World } from "./world.ts";

/** An option: with a value it takes one (`--config FILE`), without it is a switch (`--json`). */
export interface Option {
  /** The value's name in help texts. */
  readonly value?: string;
  /** One letter: `-f`. */
  readonly short?: string;
  readonly help: string;
}

export type Options = Readonly<Record<string, Option>>;

/** What was given, by the option's name: undefined = not given. */
export type Values<O extends Options> = {
  readonly [Name in keyof O]: O[Name] extends { readonly value: string } ? string | undefined : boolean;
};

/** A word after the command's name. */
export interface Argument {
  /** As help texts show it: `ALIAS`. */
  readonly name: string;
  readonly help: string;
  /** May be left out; only the last ones may. */
  readonly optional?: true;
  /** Takes all words that follow; only the last one may. */
  readonly many?: true;
  /** Other words are usage errors. */
  readonly choices?: readonly string[];
}

/** One command line, checked. */
export interface Call<O extends Options> {
  /** Words after the command's name: as many as `arguments` asks for. */
  readonly args: readonly string[];
  readonly options: Values<O>;
}

/** A command: what it takes, what help says of it, what it does. */
export interface CommandSpec<O extends Options> {
  /** For `nodoff help NAME` and the manual: whole sentences, what the line in the list does not say. */
  readonly about: string;
  readonly arguments?: readonly Argument[];
  readonly options: O;
  /** Command lines to copy, each without `nodoff`. */
  readonly examples?: readonly string[];
  /** May throw a `CommandFailure` or `NodoffError`, which ends it with its message. */
  run(call: Call<O>, world: World): Promise<ExitCode>;
}

export type Command = CommandSpec<Options>;

/** A command, with the types of its options read from their table. */
export function defineCommand<const O extends Options>(spec: CommandSpec<O>): Command {
  return spec;
}

/** A command's place in the list. */
export interface CommandRow {
  /** One word, or two: `notify test`. */
  readonly name: string;
  /** One line, without a full stop. */
  readonly summary: string;
  /** Read when asked for: each command brings only the libraries it needs. */
  readonly load: () => Promise<Command>;
}
