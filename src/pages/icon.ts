import { escapeHtml } from "./escape.ts";

/** How a service shows itself: what stands in the square, and the same as a favicon. */
export interface Icon {
  /** HTML. */
  readonly mark: string;
  /** A `data:` URL. */
  readonly favicon: string;
  /** Degrees on the colour wheel. */
  readonly hue: number;
}

/** Drawn for a 24 by 24 square, stroked with the current colour. */
const drawings: ReadonlyMap<string, string> = new Map([
  ["ghost", "M5 20V11a7 7 0 0 1 14 0v9l-2.5-2-2.2 2-2.3-2-2.3 2-2.2-2zM9.5 10.5v1M14.5 10.5v1"],
  ["moon", "M19.5 14.5A8 8 0 0 1 9.5 4.5a8 8 0 1 0 10 10z"],
  ["box", "M12 3l8 4.5v9L12 21l-8-4.5v-9zM4 7.5l8 4.5 8-4.5M12 12v9"],
  ["globe", "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM3 12h18M12 3c5 5 5 13 0 18M12 3c-5 5-5 13 0 18"],
  ["code", "M8 7l-5 5 5 5M16 7l5 5-5 5"],
  ["book", "M5 4h10a3 3 0 0 1 3 3v13H8a3 3 0 0 1-3-3zM5 17a3 3 0 0 1 3-3h10"],
  ["film", "M4 5h16v14H4zM8 5v14M16 5v14M4 9.7h4M4 14.3h4M16 9.7h4M16 14.3h4"],
  ["music", "M9 18V6l10-2v12M9 18a2.5 2.5 0 1 1-5 0 2.5 2.5 0 0 1 5 0zM19 16a2.5 2.5 0 1 1-5 0 2.5 2.5 0 0 1 5 0z"],
  ["database", "M5 6c0-4 14-4 14 0s-14 4-14 0zM5 6v12c0 4 14 4 14 0V6M5 12c0 4 14 4 14 0"],
  ["cloud", "M7 18a4.5 4.5 0 0 1-.5-9 6 6 0 0 1 11.3 1.5A3.8 3.8 0 0 1 17.5 18z"],
  ["home", "M4 11l8-7 8 7M6 9.5V20h12V9.5M10 20v-6h4v6"],
  ["coffee", "M5 9h12v5a5 5 0 0 1-5 5h-2a5 5 0 0 1-5-5zM17 10h1.5a2.5 2.5 0 0 1 0 5H17M9 3v3M13 3v3"],
]);

/** `icon:` names a drawing, is an image as a `data:` URL, or a character or two; else the title's first letter. */
export function toIcon(icon: string | null, title: string): Icon {
  const hue = hueOf(title);
  const drawing = icon === null ? undefined : drawings.get(icon);
  if (drawing !== undefined) {
    const path = `<path d="${drawing}" fill="none" stroke="currentColor" stroke-width="1.7" stroke-linecap="round" stroke-linejoin="round"/>`;
    return {
      mark: `<svg viewBox="0 0 24 24" aria-hidden="true">${path}</svg>`,
      favicon: toFavicon(`<g transform="translate(4 4)" color="#fff">${path}</g>`, hue),
      hue,
    };
  }
  if (icon !== null && icon.startsWith("data:image/")) {
    return { mark: `<img src="${escapeHtml(icon)}" alt="">`, favicon: icon, hue };
  }
  const sign = icon !== null && graphemes(icon).length <= 2 ? icon : (graphemes(title)[0] ?? "•").toUpperCase();
  const text = `<text x="16" y="22" font-family="sans-serif" font-size="17" font-weight="600" text-anchor="middle" fill="#fff">${escapeHtml(sign)}</text>`;
  return { mark: `<span aria-hidden="true">${escapeHtml(sign)}</span>`, favicon: toFavicon(text, hue), hue };
}

function toFavicon(content: string, hue: number): string {
  const square = `<rect width="32" height="32" rx="9" fill="hsl(${hue} 62% 52%)"/>`;
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">${square}${content}</svg>`;
  return `data:image/svg+xml,${encodeURIComponent(svg)}`;
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
