import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { escapeHtml, toScriptJson } from "./escape.ts";
import { chooseLanguage, type Language, toLanguage } from "./languages.ts";
import { type Template, toTemplate } from "./template.ts";

/** What differs from one answer to the next. Every value is HTML, escaped where it was text. */
export const slots = [
  "nonce",
  "kind",
  "name",
  "heading",
  "lead",
  "message",
  "note",
  "mark",
  "favicon",
  "hue",
  "tile",
  "ink",
  "link",
  "steps",
  "usual",
  "logs",
  "refresh",
  "data",
] as const;
export type Slot = (typeof slots)[number];

/** What a theme is made of: its own files, and those of `default` where it has none. */
export interface ThemeSource {
  readonly html: string;
  readonly css: string;
  /** By lower-case tag. */
  readonly languages: ReadonlyMap<string, Language>;
}

/** A page in one language, ready to be filled. */
interface Page {
  readonly language: Language;
  readonly template: Template<Slot>;
}

/** A theme, prepared in every language. */
export interface Theme {
  /** The page for an Accept-Language header; English where nothing fits. */
  page(acceptLanguage: string | null): Page;
  readonly languages: readonly string[];
}

/** Texts that change while the page is open. */
const liveTexts = [
  "asleep",
  "asleep_lead",
  "retry",
  "retry_in",
  "wake",
  "step_stopping",
  "step_dependency",
  "step_dependencies",
  "step_starting",
  "step_answer",
  "step_opening",
  "state_done",
  "state_now",
  "state_waiting",
  "state_failed",
  "seconds",
  "minutes",
  "left",
  "soon",
  "longer",
  "opening",
  "lost",
] as const;

/**
 * Reads a folder of `page.html`, `style.css` and `languages/*.json`, each of which may be missing: a style alone comes
 * after that of `standard`. Throws a plain Error that names the file and what is wrong with it.
 */
export function readTheme(folder: string, standard: ThemeSource): ThemeSource {
  const html = readIfThere(join(folder, "page.html"));
  const css = readIfThere(join(folder, "style.css"));
  const own = join(folder, "languages");
  if (html === null && css === null && !existsSync(own)) {
    throw new Error(`${folder} has neither page.html nor style.css nor languages`);
  }
  return {
    html: html ?? standard.html,
    css: html === null ? `${standard.css}\n${css ?? ""}` : (css ?? ""),
    languages: existsSync(own) ? readLanguages(own, standard.languages) : standard.languages,
  };
}

/** All `*.json` of a folder, on top of the languages there are; one that is new starts from English. */
export function readLanguages(folder: string, known: ReadonlyMap<string, Language>): ReadonlyMap<string, Language> {
  const languages = new Map(known);
  const names = readdirSync(folder).filter((name) => name.endsWith(".json"));
  // English first: the others start from it.
  for (const name of names.sort((a, b) => Number(b === "en.json") - Number(a === "en.json"))) {
    const tag = name.slice(0, -".json".length);
    const key = tag.toLowerCase();
    try {
      const base = languages.get(key) ?? languages.get("en") ?? null;
      languages.set(key, toLanguage(tag, readFileSync(join(folder, name), "utf8"), base));
    } catch (error) {
      throw new Error(`${join(folder, name)}: ${error instanceof Error ? error.message : String(error)}`, {
        cause: error,
      });
    }
  }
  return languages;
}

/** Prepares it in every language. Throws a plain Error with the place of a mark that is wrong or missing. */
export function toTheme({ html, css, languages }: ThemeSource, script: string): Theme {
  for (const mark of ["{{head}}", "{{script}}"]) {
    if (!html.includes(mark)) throw new Error(`page.html has no ${mark}`);
  }
  const whole = html.replace("{{head}}", () => toHead(css)).replace("{{script}}", () => toScript(script));
  const pages = new Map<string, Page>();
  for (const [key, language] of languages) {
    pages.set(key, { language, template: toTemplate(whole, { slots, constants: toConstants(language) }) });
  }
  const [first] = pages.values();
  const english = pages.get("en") ?? first;
  if (english === undefined) throw new Error("there are no languages");
  const tags = [...pages.values()].map(({ language }) => language.tag);
  return { languages: tags, page: (acceptLanguage) => chooseLanguage(pages, acceptLanguage) ?? english };
}

/**
 * `expect`: no half of the page is shown before the rest of it is read, which would jump to its place; slow devices did
 * (HTML standard, "link type expect"; who does not know it shows the page as before).
 */
function toHead(css: string): string {
  return `<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<meta name="color-scheme" content="light dark">
<title>{{heading}}</title>
<link rel="icon" href="{{favicon}}">
<link rel="expect" href="#nodoff-data" blocking="render">
{{refresh}}
<style nonce="{{nonce}}">
:root { --hue: {{hue}}; --tile: {{tile}}; --ink: {{ink}}; }
${toLines(css).join("\n")}
</style>`;
}

/** The script without what only its readers need; it has no text that runs over lines. */
function toScript(source: string): string {
  const code = toLines(source)
    .filter((line) => !line.startsWith("//"))
    .join("\n");
  return `<script type="application/json" id="nodoff-data">{"page":{{data}},"texts":{{texts}}}</script>
<script nonce="{{nonce}}">
${code}
</script>`;
}

/** Without indents and empty lines. */
function toLines(source: string): readonly string[] {
  return source
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
}

function toConstants({ tag, direction, texts }: Language): ReadonlyMap<string, string> {
  const live = Object.fromEntries(liveTexts.map((key) => [key, texts[key] ?? ""]));
  return new Map([
    ["language", tag],
    ["direction", direction],
    ["texts", toScriptJson(live)],
    ...Object.entries(texts).map(([key, text]) => [`text.${key}`, escapeHtml(text)] as const),
  ]);
}

function readIfThere(file: string): string | null {
  return existsSync(file) ? readFileSync(file, "utf8") : null;
}
