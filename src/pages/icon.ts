import { readFileSync } from "node:fs";
import { escapeHtml } from "./escape.ts";
import { findBrandIcon } from "./icon-pack.ts";

/** How a service shows itself: what stands in the tile, its colours, and a letter as favicon till the script knows better. */
export interface Icon {
  /** HTML. */
  readonly mark: string;
  /** A `data:` URL. */
  readonly favicon: string;
  /** Of the accent colour: degrees on the colour wheel. */
  readonly hue: number;
  /** CSS colours behind the mark, and of it. */
  readonly tile: string;
  readonly ink: string;
}

/** A page with its icon stays within what a page may weigh. */
export const maxIconLength = 7_000;

/** Drawn for a 24 by 24 square, stroked with the current colour. */
const drawings: ReadonlyMap<string, string> = new Map([
  ["moon", "M19.5 14.5A8 8 0 0 1 9.5 4.5a8 8 0 1 0 10 10z"],
  ["box", "M12 3l8 4.5v9L12 21l-8-4.5v-9zM4 7.5l8 4.5 8-4.5M12 12v9"],
  ["globe", "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM3 12h18M12 3c5 5 5 13 0 18M12 3c-5 5-5 13 0 18"],
  ["code", "M8 7l-5 5 5 5M16 7l5 5-5 5"],
  ["book", "M5 4h10a3 3 0 0 1 3 3v13H8a3 3 0 0 1-3-3zM5 17a3 3 0 0 1 3-3h10"],
  ["film", "M4 5h16v14H4zM8 5v14M16 5v14M4 9.7h4M4 14.3h4M16 9.7h4M16 14.3h4"],
  ["music", "M9 18V6l10-2v12M9 18a2.5 2.5 0 1 1-5 0 2.5 2.5 0 0 1 5 0zM19 16a2.5 2.5 0 1 1-5 0 2.5 2.5 0 0 1 5 0z"],
  [
    "game",
    "M8 7h8a5 5 0 0 1 5 5v2a4 4 0 0 1-7 2h-4a4 4 0 0 1-7-2v-2a5 5 0 0 1 5-5zM8 10v4M6 12h4M15.5 13.2v-.1M17.5 11v-.1",
  ],
  ["database", "M5 6c0-4 14-4 14 0s-14 4-14 0zM5 6v12c0 4 14 4 14 0V6M5 12c0 4 14 4 14 0"],
  ["cloud", "M7 18a4.5 4.5 0 0 1-.5-9 6 6 0 0 1 11.3 1.5A3.8 3.8 0 0 1 17.5 18z"],
  ["home", "M4 11l8-7 8 7M6 9.5V20h12V9.5M10 20v-6h4v6"],
  ["coffee", "M5 9h12v5a5 5 0 0 1-5 5h-2a5 5 0 0 1-5-5zM17 10h1.5a2.5 2.5 0 0 1 0 5H17M9 3v3M13 3v3"],
]);

const drawingNames: readonly string[] = [...drawings.keys()];

/**
 * `icon:` names a drawing or an icon of Simple Icons (`brands`: their file), is an image as a `data:` URL or a path, or a
 * character or two; else it is the title's first letter.
 */
export function toIcon(icon: string | null, title: string, brands: string | null): Icon {
  const found = icon === null || icon === "" ? null : findIcon(icon, brands);
  const hue = found?.hue ?? hueOf(title);
  const tile = found?.tile ?? `hsl(${hue} 56% 46%)`;
  const ink = found?.ink ?? "#fff";
  const sign = found?.sign ?? (graphemes(title)[0] ?? "•").toUpperCase();
  const text = `<text x="16" y="22" font-family="sans-serif" font-size="17" font-weight="600" text-anchor="middle" fill="${ink}">${escapeHtml(sign)}</text>`;
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="8" fill="${tile}"/>${text}</svg>`;
  const mark = found?.mark ?? `<span aria-hidden="true">${escapeHtml(sign)}</span>`;
  return { mark, favicon: `data:image/svg+xml,${encodeURIComponent(svg)}`, hue, tile, ink };
}

/** What is wrong with what the configuration says; null = it can be shown. */
export function findIconProblem(icon: string, brands: string | null): string | null {
  const { length } = toImage(icon) ?? "";
  if (length > maxIconLength) return `the icon is too big: ${toKb(length)}, at most ${toKb(maxIconLength)}`;
  if (findIcon(icon, brands) !== null) return null;
  if (isPath(icon)) return `"${icon}" is not an image that can be read (svg, png, webp, jpg, gif, ico)`;
  return `"${icon}" is neither an icon of Simple Icons nor one of ${drawingNames.join(", ")}; an image: ./icon.svg`;
}

type Found = Partial<Icon> & { readonly sign?: string };

function findIcon(icon: string, brands: string | null): Found | null {
  const drawing = drawings.get(icon);
  if (drawing !== undefined) {
    const stroke =
      'fill="none" stroke="currentColor" stroke-width="1.7" stroke-linecap="round" stroke-linejoin="round"';
    return { mark: toSvg(`<path d="${drawing}" ${stroke}/>`) };
  }
  const image = toImage(icon);
  if (image !== null) {
    if (!image.startsWith("data:image/") || image.length > maxIconLength) return null;
    return { mark: `<img src="${escapeHtml(image)}" alt="">`, tile: "transparent" };
  }
  if (graphemes(icon).length <= 2) return { sign: icon };
  const brand = findBrandIcon(brands, icon);
  if (brand === null || brand.path.length > maxIconLength) return null;
  const mark = toSvg(`<path d="${escapeHtml(brand.path)}" fill="currentColor"/>`);
  return { mark, tile: `#${brand.colour}`, ...toColours(brand.colour) };
}

function toSvg(path: string): string {
  return `<svg viewBox="0 0 24 24" aria-hidden="true">${path}</svg>`;
}

/** A `data:` URL, if it is an image; an empty one where the file is none. */
function toImage(icon: string): string | null {
  if (icon.startsWith("data:")) return icon;
  if (!isPath(icon)) return null;
  const type = types.get(/\.(\w+)$/.exec(icon)?.[1]?.toLowerCase() ?? "");
  if (type === undefined) return "";
  try {
    return `data:${type};base64,${readFileSync(icon).toString("base64")}`;
  } catch {
    return "";
  }
}

const types: ReadonlyMap<string, string> = new Map([
  ["svg", "image/svg+xml"],
  ["png", "image/png"],
  ["webp", "image/webp"],
  ["jpg", "image/jpeg"],
  ["jpeg", "image/jpeg"],
  ["gif", "image/gif"],
  ["ico", "image/x-icon"],
]);

function isPath(icon: string): boolean {
  return icon.startsWith("/");
}

function toKb(length: number): string {
  return `${(length / 1_000).toFixed(1)} kB`;
}

/** What can be read on a brand's colour, and its place on the colour wheel where it has one. */
function toColours(colour: string): Found {
  const [red = 0, green = 0, blue = 0] = [0, 2, 4].map((at) => Number.parseInt(colour.slice(at, at + 2), 16) / 255);
  const most = Math.max(red, green, blue);
  const spread = most - Math.min(red, green, blue);
  const ink = 0.21 * red + 0.72 * green + 0.07 * blue > 0.62 ? "#111" : "#fff";
  if (spread < 0.2) return { ink };
  const sixth =
    most === red ? (green - blue) / spread : most === green ? 2 + (blue - red) / spread : 4 + (red - green) / spread;
  return { ink, hue: Math.round(sixth * 60 + 360) % 360 };
}

/** The same title always gets the same colour: blue to pink, on which white can be read. */
function hueOf(title: string): number {
  let hash = 7;
  for (const character of title) hash = (hash * 31 + (character.codePointAt(0) ?? 0)) % 3_600;
  return 195 + (hash % 140);
}

function graphemes(text: string): readonly string[] {
  return Array.from(new Intl.Segmenter().segment(text.trim()), ({ segment }) => segment);
}
