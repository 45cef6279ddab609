import { readFileSync } from "node:fs";

/** A file of the repository that is made from code. */
export interface Page {
  /** From the root of the repository. */
  readonly path: string;
  readonly text: string;
}

/** A page people write, with parts that are made: between `<!-- made: NAME -->` and `<!-- end -->`. */
export function withSections(path: string, sections: Readonly<Record<string, readonly string[]>>): Page {
  let text = readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");
  for (const [name, lines] of Object.entries(sections)) {
    const place = new RegExp(`(?<=<!-- made: ${name} -->\\n).*?(?=^<!-- end -->$)`, "ms");
    if (!place.test(text)) throw new Error(`${path} has no place for ${name}`);
    text = text.replace(place, () => `${lines.join("\n")}\n`);
  }
  return { path, text };
}

/** A Markdown table; cells are Markdown, whatever would end one is escaped. */
export function toTable(titles: readonly string[], rows: readonly (readonly string[])[]): readonly string[] {
  const line = (cells: readonly string[]): string => `| ${cells.map(toCell).join(" | ")} |`;
  return [line(titles), `|${titles.map(() => "---|").join("")}`, ...rows.map(line)];
}

function toCell(text: string): string {
  return text.replaceAll("|", String.raw`\|`).replaceAll("\n", " ");
}
