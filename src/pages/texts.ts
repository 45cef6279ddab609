import type { PageModel } from "../core/pages.ts";

/** What a page says, in one language. `{name}` and `{time}` are filled in. */
export interface Texts {
  /** Of the `lang` attribute. */
  readonly language: string;
  readonly byKind: Readonly<Record<PageModel["kind"], { readonly heading: string; readonly lead: string }>>;
  readonly notReplayed: string;
  readonly noScript: string;
  readonly retry: string;
  readonly log: string;
  readonly progress: string;
  /** For the page's script. */
  readonly live: {
    readonly seconds: string;
    readonly minutes: string;
    readonly elapsed: string;
    readonly left: string;
    readonly soon: string;
    readonly longer: string;
    readonly waking: string;
    readonly stopping: string;
    readonly opening: string;
    readonly lost: string;
    readonly asleepHeading: string;
    readonly asleepLead: string;
    readonly wake: string;
    readonly retryIn: string;
  };
}

const english: Texts = {
  language: "en",
  byKind: {
    loading: {
      heading: "{name} is waking up",
      lead: "It was asleep because nobody was using it. This page opens it as soon as it answers.",
    },
    failed: { heading: "{name} could not be woken", lead: "You can try again, now or a little later." },
    gone: { heading: "{name} is not there", lead: "It may have been removed or is just being replaced." },
    forbidden: { heading: "{name} is asleep", lead: "It cannot be woken from here." },
    quota: {
      heading: "{name} is asleep",
      lead: "It was woken from your network very often. Try again a little later.",
    },
  },
  notReplayed: "What you sent was not delivered, and will not be sent by itself. Please send it again afterwards.",
  noScript: "This page asks again by itself every few seconds.",
  retry: "Try again",
  log: "Latest output",
  progress: "Progress",
  live: {
    seconds: "{time} s",
    minutes: "{time} min",
    elapsed: "{time}",
    left: "about {time} left",
    soon: "any moment now",
    longer: "a little longer than usual",
    waking: "Waking up",
    stopping: "Falling asleep first, then waking up",
    opening: "It answers. Opening…",
    lost: "No connection. Asking again…",
    asleepHeading: "{name} fell asleep again",
    asleepLead: "Somebody put it to sleep while it was waking up.",
    wake: "Wake it up",
    retryIn: "Try again in {time}",
  },
};

/** By base language, such as `en`. */
const languages: ReadonlyMap<string, Texts> = new Map([["en", english]]);

/** The best language for an Accept-Language header (RFC 9110 §12.5.4); English where none fits. */
export function toTexts(acceptLanguage: string | null): Texts {
  const wanted = (acceptLanguage ?? "")
    .split(",")
    .map(toRange)
    .filter(({ quality }) => quality > 0);
  wanted.sort((a, b) => b.quality - a.quality);
  for (const { language } of wanted) {
    const texts = languages.get(language);
    if (texts !== undefined) return texts;
  }
  return english;
}

function toRange(text: string): { readonly language: string; readonly quality: number } {
  const [tag = "", ...parameters] = text.split(";");
  const weight = parameters.map((parameter) => parameter.trim()).find((parameter) => parameter.startsWith("q="));
  const quality = weight === undefined ? 1 : Number(weight.slice(2));
  return { language: tag.trim().toLowerCase().split("-", 1)[0] ?? "", quality: Number.isNaN(quality) ? 0 : quality };
}
