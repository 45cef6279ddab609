import { styleText, stripVTControlCharacters } from "node:util";
import type { World } from "./world.ts";

type Style = Extract<Parameters<typeof styleText>[0], string>;

/** Text in a style, where the output is a terminal that wants colours (https://no-color.org). */
export type Paint = (style: Style, text: string) => string;

export function createPaint({ isTerminal, env }: Pick<World, "isTerminal" | "env">): Paint {
  const wantsColours = isTerminal && !env["NO_COLOR"] && env["TERM"] !== "dumb";
  return (style, text) => (wantsColours ? styleText(style, text, { validateStream: false }) : text);
}

const control = /[\p{Cc}\p{Zl}\p{Zp}]/gu;

/** Text of others on one line of a terminal: without what would move its cursor or colour it. */
export function plain(text: string): string {
  return stripVTControlCharacters(text).replaceAll("\t", "  ").replaceAll(control, " ");
}

/** Rows under each other, as wide as the widest cell of each column; the last one as long as it is. */
export function toColumns(rows: readonly (readonly string[])[]): readonly string[] {
  const widths: number[] = [];
  for (const row of rows)
    for (const [place, cell] of row.entries()) widths[place] = Math.max(widths[place] ?? 0, widthOf(cell));
  return rows.map((row) =>
    row
      .map((cell, place) => cell + " ".repeat((widths[place] ?? 0) - widthOf(cell)))
      .join("  ")
      .trimEnd(),
  );
}

function widthOf(cell: string): number {
  return stripVTControlCharacters(cell).length;
}
