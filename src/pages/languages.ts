/** What pages say in one language: `templates/languages/*.json`, `languages/*.json` of a theme. */
export interface Language {
  /** BCP 47, as the file is called. */
  readonly tag: string;
  readonly direction: "ltr" | "rtl";
  /** `{name}`, `{time}` and their like are filled in later. */
  readonly texts: Readonly<Record<string, string>>;
  /** Failures by error code; one that is missing is told in English. */
  readonly problems: Readonly<Record<string, string>>;
}

/**
 * A language from its file. What it leaves out is taken from `base`; with null (English itself) nothing may be left out.
 * Throws a plain Error that names what is wrong: no JSON, a key or a `{slot}` that `base` does not have.
 */
export function toLanguage(tag: string, source: string, base: Language | null): Language {
  if (!/^[a-z]{2,3}(?:-[a-z\d]{2,8})*$/i.test(tag)) throw new Error(`"${tag}" is not a language such as fr or pt-BR`);
  const { direction = base?.direction ?? "ltr", problems = {}, ...texts } = toObject(JSON.parse(source));
  if (direction !== "ltr" && direction !== "rtl") throw new Error(`direction is ltr or rtl`);
  return {
    tag,
    direction,
    texts: { ...base?.texts, ...toTexts(texts, base) },
    problems: { ...base?.problems, ...toTexts(toObject(problems), null) },
  };
}

/** The best of `languages` (by lower-case tag) for an Accept-Language header (RFC 9110 §12.5.4); null = none fits. */
export function chooseLanguage<T>(languages: ReadonlyMap<string, T>, acceptLanguage: string | null): T | null {
  const wanted = (acceptLanguage ?? "")
    .split(",")
    .map(toRange)
    .filter(({ quality }) => quality > 0)
    .sort((a, b) => b.quality - a.quality);
  for (const { tag } of wanted) {
    const [base = ""] = tag.split("-", 1);
    const wider = [...languages.keys()].find((known) => known.startsWith(`${base}-`));
    const found = languages.get(tag) ?? languages.get(base) ?? (wider === undefined ? undefined : languages.get(wider));
    if (found !== undefined) return found;
  }
  return null;
}

function toRange(text: string): { readonly tag: string; readonly quality: number } {
  const [tag = "", ...parameters] = text.split(";");
  const weight = parameters.map((parameter) => parameter.trim()).find((parameter) => parameter.startsWith("q="));
  const quality = weight === undefined ? 1 : Number(weight.slice(2));
  return { tag: tag.trim().toLowerCase(), quality: Number.isNaN(quality) ? 0 : quality };
}

function toObject(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new Error("a map of texts is missing");
  return value as Readonly<Record<string, unknown>>;
}

function toTexts(found: Readonly<Record<string, unknown>>, base: Language | null): Readonly<Record<string, string>> {
  for (const [key, text] of Object.entries(found)) {
    if (typeof text !== "string") throw new Error(`"${key}" is not a text`);
    if (base === null) continue;
    const original = base.texts[key];
    if (original === undefined) throw new Error(`"${key}" is not a text of pages`);
    const unknown = slotsOf(text).find((slot) => !slotsOf(original).includes(slot));
    if (unknown !== undefined) throw new Error(`"${key}" has no ${unknown}`);
  }
  return found as Readonly<Record<string, string>>;
}

function slotsOf(text: string): readonly string[] {
  return text.match(/\{\w+\}/g) ?? [];
}
