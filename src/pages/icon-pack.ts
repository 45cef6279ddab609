import { readFileSync } from "node:fs";

/** A drawing for a 24 by 24 square, filled. */
export interface BrandIcon {
  /** `d` of an SVG path. */
  readonly path: string;
  /** The brand's colour: six hexadecimal digits. */
  readonly colour: string;
}

/**
 * Icons of Simple Icons by name, from one text that has `slug:"…"`, `path:"…"` and `hex:"…"` of each: the package's own
 * module, or the extract that is shipped. Read when one is asked for and not kept: megabytes for a handful of drawings.
 * null = there is none of that name, or no such file.
 */
export function findBrandIcon(file: string | null, name: string): BrandIcon | null {
  if (file === null) return null;
  let text: string;
  try {
    text = readFileSync(file, "latin1");
  } catch {
    return null;
  }
  for (const slug of toSlugs(name)) {
    const at = text.indexOf(`slug:"${slug}"`);
    if (at === -1) continue;
    const found = /path:"([^"]+)".*?hex:"([\dA-F]{6})"/s.exec(text.slice(at, at + 60_000));
    if (found !== null) return { path: found[1] ?? "", colour: found[2] ?? "" };
  }
  return null;
}

/** As people write them: `Home Assistant`, `home-assistant` (selfh.st), `si-homeassistant`, `jellyfin.svg`, `node.js`. */
function toSlugs(name: string): readonly string[] {
  const bare = name
    .toLowerCase()
    .replace(/^(?:si|sh|simple-icons|selfhst)[-:/]/, "")
    .replace(/\.(?:svg|png|webp)$/, "");
  const spelled = bare.replaceAll("+", "plus").replaceAll(".", "dot").replaceAll("&", "and");
  return [bare, spelled].map((text) => text.replace(/[^a-z\d]/g, "")).filter((slug) => slug !== "");
}
