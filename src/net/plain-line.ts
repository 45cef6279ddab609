import { stripVTControlCharacters } from "node:util";

/** A line that somebody's program wrote, fit to be shown as text: no colours, cursor movements, control characters. */
export function toPlainLine(line: string, most: number): string {
  return stripVTControlCharacters(line)
    .replace(/[^\P{Cc}\t]/gu, "")
    .slice(0, most);
}
