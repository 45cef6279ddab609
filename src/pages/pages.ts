import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { isAbsolute, join } from "node:path";
import { NodoffError } from "../core/errors.ts";
import { type PageModel, type Pages, themeNames } from "../core/pages.ts";
import { findIconProblem, type Icon, toIcon } from "./icon.ts";
import { readLanguages, readTheme, type Theme, type ThemeSource, toTheme } from "./theme.ts";
import { toValues } from "./values.ts";

export interface PagesOptions {
  /** Folder of `page.js`, `languages` and the themes nodoff brings along. */
  readonly dir: string;
  /** File with the icons of Simple Icons; null = none. */
  readonly brands: string | null;
}

/** A theme or icon the configuration names. */
export interface Appearance {
  readonly kind: "theme" | "icon";
  /** A name, or an absolute path. */
  readonly value: string;
}

/** Pages, and how they are to look. */
export interface PageRoom extends Pages {
  /**
   * Reads the themes and icons that are named, anew. Returns what cannot be shown and why; it is shown as `default`, and
   * as the first letter of the title.
   */
  use<T extends Appearance>(appearances: readonly T[]): readonly { readonly of: T; readonly message: string }[];
  /** Tags of the languages a theme speaks. */
  languages(theme: string): readonly string[];
}

const statusByKind = { loading: 503, failed: 503, gone: 503, forbidden: 403, quota: 429 } as const satisfies Record<
  PageModel["kind"],
  number
>;

/** Throws CONFIG_INVALID when the themes nodoff brings along cannot be read. */
export function createPages(options: PagesOptions): PageRoom {
  const shipped = readShipped(options);
  let themes: ReadonlyMap<string, Theme> = shipped.themes;
  // By icon and title, both of the configuration.
  const icons = new Map<string, Icon>();

  const iconOf = ({ icon, title }: PageModel): Icon => {
    const key = JSON.stringify([icon, title]);
    const known = icons.get(key);
    if (known !== undefined) return known;
    const made = toIcon(icon, title, options.brands);
    icons.set(key, made);
    return made;
  };

  return {
    use(appearances) {
      const next = new Map(shipped.themes);
      const problems = new Map<string, string | null>();
      const judge = ({ kind, value }: Appearance): string | null =>
        kind === "icon" ? findIconProblem(value, options.brands) : addTheme(value, next, shipped);
      icons.clear();
      const found = appearances.flatMap((of) => {
        const key = `${of.kind} ${of.value}`;
        const known = problems.get(key);
        const message = known === undefined ? judge(of) : known;
        problems.set(key, message);
        return message === null ? [] : [{ of, message }];
      });
      themes = next;
      return found;
    },
    languages: (theme) => (themes.get(theme) ?? shipped.standard).languages,
    render(model) {
      const nonce = randomBytes(16).toString("base64url");
      const theme = themes.get(model.theme) ?? shipped.standard;
      const { language, template } = theme.page(model.language);
      const values = toValues(model, { icon: iconOf(model), language, nonce });
      return {
        status: statusByKind[model.kind],
        headers: { ...toHeaders(model, nonce), "content-language": language.tag },
        body: template.fill(values),
      };
    },
  };
}

interface Shipped {
  readonly script: string;
  readonly source: ThemeSource;
  readonly standard: Theme;
  readonly themes: ReadonlyMap<string, Theme>;
}

function readShipped({ dir }: PagesOptions): Shipped {
  try {
    const script = readFileSync(join(dir, "page.js"), "utf8");
    const languages = readLanguages(join(dir, "languages"), new Map());
    const source = readTheme(join(dir, themeNames[0]), { html: "", css: "", languages });
    const standard = toTheme(source, script);
    const themes = themeNames.map((name) => [name, toTheme(readTheme(join(dir, name), source), script)] as const);
    return { script, source, standard, themes: new Map(themes) };
  } catch (error) {
    throw new NodoffError("CONFIG_INVALID", `the pages in ${dir} cannot be read: ${toText(error)}`, { cause: error });
  }
}

/** Prepares a theme of the user's own; returns why it cannot be. */
function addTheme(value: string, themes: Map<string, Theme>, { source, script }: Shipped): string | null {
  if (themes.has(value)) return null;
  if (!isAbsolute(value)) return `"${value}" is not a theme (${themeNames.join(", ")}, or a folder: ./${value})`;
  try {
    themes.set(value, toTheme(readTheme(value, source), script));
    return null;
  } catch (error) {
    return `the theme cannot be used: ${toText(error)}`;
  }
}

function toText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function toHeaders(model: PageModel, nonce: string): Readonly<Record<string, string>> {
  return {
    "content-type": "text/html; charset=utf-8",
    "cache-control": "no-store",
    // No service worker of the app may keep it either: `put` of the Cache API refuses what varies by everything.
    vary: "*",
    "retry-after": String(Math.max(1, Math.ceil(model.retryAfterS))),
    "x-robots-tag": "noindex",
    "x-nodoff-state": model.state,
    // No frame-ancestors: dashboards show services in frames, and the page may be shown wherever the service may.
    "content-security-policy":
      `default-src 'none'; style-src 'nonce-${nonce}'; script-src 'nonce-${nonce}'; ` +
      "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
  };
}
